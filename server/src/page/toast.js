/**
 * What was just done, with a way back; or why it wasn't, which what is done beside it doesn't hide. Stays until the next,
 * so that nobody has to be quick.
 */
import { find, say } from "./elements.js";

/** @typedef {{ done: (text: string, undo: (() => void) | null) => void, fail: (text: string) => void, undo: () => void, hide: () => void }} Toast */

/** @param {(text: string) => void} announce @returns {Toast} */
export function makeToast(announce) {
  const box = find("toast", HTMLElement);
  const line = find("toast-text", HTMLElement);
  const button = find("undo", HTMLButtonElement);
  /** @type {(() => void) | null} */
  let way = null;
  let isFailed = false;

  const show = (
    /** @type {string} */ text,
    /** @type {(() => void) | null} */ undo,
    /** @type {boolean} */ isError,
  ) => {
    if (isFailed && !isError) return;
    isFailed = isError;
    way = undo;
    say(line, text);
    box.classList.toggle("failed", isError);
    button.hidden = undo === null;
    box.hidden = false;
    announce(text);
  };
  const hide = () => {
    way = null;
    isFailed = false;
    box.hidden = true;
  };
  const undo = () => {
    const back = way;
    hide();
    back?.();
  };

  button.addEventListener("click", undo);
  find("dismiss", HTMLButtonElement).addEventListener("click", hide);
  return {
    done: (text, back) => show(text, back, false),
    fail: (text) => show(text, null, true),
    undo,
    hide,
  };
}
