/** Elements by name, and made: text is only ever set as text. */

/** @template {HTMLElement} T @param {string} id @param {new () => T} kind @returns {T} */
export function find(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new Error(`the page has no ${id}`);
  return element;
}

/** @template {keyof HTMLElementTagNameMap} T @param {T} tag @param {string} className @param {...(Node | string)} children */
export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  element.append(...children);
  return element;
}

/** @param {string} text @param {string} does what `data-does` says */
export function makeButton(text, does) {
  const button = make("button", "quiet", text);
  button.type = "button";
  button.dataset["does"] = does;
  return button;
}

/** Only where it is another: a screen reader says again what is written again. @param {HTMLElement} element @param {string} text */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** @param {string} text @param {HTMLButtonElement} button says whether it worked */
export async function copy(text, button) {
  const before = button.textContent;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed to copy";
  }
  button.addEventListener("blur", () => say(button, before), { once: true });
}
