/** The list on the screen: rows by key, put in order; one of them can be reached with Tab, the rest with keys. */
import { makeRow } from "./row.js";

/** @import { Look } from "./marking.js" */
/** @import { Row } from "./row.js" */
/**
 * @typedef {{
 *   render: (looks: readonly Look[], now: number) => void,
 *   current: () => string | null,
 *   move: (by: number) => void,
 * }} List
 */

/** @param {HTMLOListElement} list @param {() => void} emptied where the focus goes when the last row leaves @returns {List} */
export function makeList(list, emptied) {
  /** @type {Map<string, Row>} */
  const rows = new Map();
  /** @type {string | null} */
  let current = null;
  /** Until somebody has stood somewhere, it is the newest. */
  let isChosen = false;

  const elements = () => /** @type {HTMLLIElement[]} */ ([...list.children]);
  const stand = (/** @type {string | null} */ key) => {
    if (current !== null) rows.get(current)?.element.setAttribute("tabindex", "-1");
    current = key;
    if (key !== null) rows.get(key)?.element.setAttribute("tabindex", "0");
  };
  const focusOn = (/** @type {HTMLLIElement | undefined} */ element) => {
    if (element === undefined) return false;
    stand(element.dataset["key"] ?? null);
    element.focus();
    return true;
  };

  const focus = () => focusOn(elements().find(({ dataset }) => dataset["key"] === current) ?? elements()[0]);

  list.addEventListener("focusin", ({ target }) => {
    const row = target instanceof Element ? target.closest("li") : null;
    if (row === null) return;
    isChosen = true;
    stand(row.dataset["key"] ?? null);
  });

  return {
    current: () => current,
    move(by) {
      if (!list.contains(document.activeElement)) return void focus();
      const all = elements();
      const at = all.findIndex(({ dataset }) => dataset["key"] === current);
      focusOn(all[Math.min(all.length - 1, Math.max(0, at + by))]);
    },
    render(looks, now) {
      const wanted = new Set(looks.map(({ key }) => key));
      const hadFocus = list.contains(document.activeElement);
      const at = elements().findIndex(({ dataset }) => dataset["key"] === current);
      const isLeft = current !== null && !wanted.has(current);
      for (const [key, { element }] of rows) {
        if (wanted.has(key)) continue;
        element.remove();
        rows.delete(key);
      }
      for (const [index, look] of looks.entries()) {
        const row = rows.get(look.key) ?? makeRow(look);
        rows.set(look.key, row);
        row.update(look, now);
        if (list.children[index] !== row.element)
          list.insertBefore(row.element, list.children[index] ?? null);
      }
      if (!isChosen) return stand(elements()[0]?.dataset["key"] ?? null);
      if (!isLeft && current !== null) return;
      const heir = elements()[Math.min(Math.max(0, at), list.children.length - 1)];
      stand(heir?.dataset["key"] ?? null);
      if (heir === undefined) isChosen = false;
      if (hadFocus && isLeft && !focusOn(heir)) emptied();
    },
  };
}
