/** The panel that shows what passes over the connection: the newest 500, in the order in which they passed. */
import { blotted } from "./blot.js";
import { copy, find, make, say } from "./elements.js";

/** @typedef {{ direction: "in" | "out", at: string, text: string }} Passed */

const mostFrames = 500;

/** @returns {{ passed: (direction: "in" | "out", text: string) => void, clear: () => void }} */
export function makeFramesPanel() {
  const panel = find("frames", HTMLDetailsElement);
  const list = find("frames-list", HTMLOListElement);
  const count = find("frames-count", HTMLElement);
  const pause = find("frames-pause", HTMLButtonElement);
  /** @type {Passed[]} */
  let kept = [];
  let isPaused = false;
  let timer = 0;
  /** How many of `kept`, from its end, aren't shown yet. */
  let behind = 0;

  const show = () => {
    timer = 0;
    say(count, String(kept.length));
    if (!panel.open) return;
    const isAtEnd = list.scrollTop + list.clientHeight >= list.scrollHeight - 8;
    list.append(...kept.slice(kept.length - behind).map(lineOf));
    behind = 0;
    while (list.children.length > mostFrames) list.firstElementChild?.remove();
    if (isAtEnd) list.scrollTop = list.scrollHeight;
  };

  pause.addEventListener("click", () => {
    isPaused = !isPaused;
    pause.setAttribute("aria-pressed", String(isPaused));
  });
  const clear = () => {
    kept = [];
    behind = 0;
    list.replaceChildren();
    show();
  };
  find("frames-clear", HTMLButtonElement).addEventListener("click", clear);
  const copying = find("frames-copy", HTMLButtonElement);
  copying.addEventListener("click", () => copy(kept.map(textOf).join("\n"), copying));
  panel.addEventListener("toggle", show);

  return {
    clear,
    passed(direction, text) {
      if (isPaused) return;
      kept.push({ direction, at: new Date().toISOString().slice(11, 23), text: blotted(text) });
      if (kept.length > mostFrames) kept.shift();
      behind = Math.min(behind + 1, kept.length);
      if (timer === 0) timer = setTimeout(show);
    },
  };
}

/** @param {Passed} passed */
const textOf = ({ direction, at, text }) => `${at} ${direction === "in" ? "<-" : "->"} ${text}`;

/** @param {Passed} passed */
function lineOf({ direction, at, text }) {
  const arrow = make("span", "arrow", direction === "in" ? "←" : "→");
  arrow.ariaHidden = "true";
  const spoken = make("span", "visually-hidden", direction === "in" ? "received " : "sent ");
  return make("li", direction, make("span", "at", at), arrow, spoken, make("code", "", text));
}
