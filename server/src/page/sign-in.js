/** Signing in: a token is pasted, and kept for this tab alone, until it is closed or signed out. */
import { copy, find, say } from "./elements.js";

const kept = "carillon.token";

/** @typedef {{ ask: (why: string) => void, hide: () => void }} SignIn */

/** @param {(token: string) => void} signedIn @returns {SignIn} */
export function makeSignIn(signedIn) {
  const section = find("sign-in", HTMLElement);
  const form = find("sign-in-form", HTMLFormElement);
  const field = find("token", HTMLInputElement);
  const error = find("sign-in-error", HTMLElement);

  const refuse = (/** @type {string} */ why) => {
    say(error, why);
    field.ariaInvalid = why === "" ? null : "true";
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const token = field.value.trim();
    const why = whyNot(token);
    refuse(why);
    if (why !== "") return field.focus();
    form.reset();
    signedIn(token);
  });
  const copying = find("copy-token-command", HTMLButtonElement);
  copying.addEventListener("click", () => copy(find("token-command", HTMLElement).innerText, copying));

  return {
    ask(why) {
      section.hidden = false;
      refuse(why);
      field.focus();
    },
    hide() {
      section.hidden = true;
      refuse("");
    },
  };
}

/** Why this can't be a token, or "". @param {string} text */
function whyNot(text) {
  if (text === "") return "Paste a token first.";
  if (text.startsWith("ck_")) {
    return "This is an API key: it is for your backend, and has no place in a browser. Ask for a token with it instead.";
  }
  return /^[\w-]+\.[\w-]+\.[\w-]+$/.test(text)
    ? ""
    : "This isn't a token: that is three parts with dots between them.";
}

/** Where the browser keeps nothing for the page, a reload asks again. */
export const keptToken = {
  /** @returns {string | null} */
  read() {
    try {
      return sessionStorage.getItem(kept);
    } catch {
      return null;
    }
  },
  /** @param {string} token */
  keep(token) {
    try {
      sessionStorage.setItem(kept, token);
    } catch {}
  },
  forget() {
    try {
      sessionStorage.removeItem(kept);
    } catch {}
  },
};
