/** Keys for the inbox. They count only while the focus is inside it (WCAG 2.1.4), and never while something is typed. */

/** @typedef {{ move: (by: number) => void, act: (does: string) => void, help: () => void }} Keyed */

/** @param {HTMLElement} inside @param {Keyed} keyed */
export function listenToKeys(inside, { move, act, help }) {
  /** @type {Readonly<Record<string, () => void>>} */
  const keys = {
    j: () => move(1),
    ArrowDown: () => move(1),
    k: () => move(-1),
    ArrowUp: () => move(-1),
    Home: () => move(Number.NEGATIVE_INFINITY),
    End: () => move(Number.POSITIVE_INFINITY),
    r: () => act("read"),
    e: () => act("archive"),
    z: () => act("undo"),
    "?": help,
  };
  inside.addEventListener("keydown", (event) => {
    const { key, target, ctrlKey, metaKey, altKey } = event;
    const does = Object.hasOwn(keys, key) ? keys[key] : undefined;
    if (does === undefined || ctrlKey || metaKey || altKey) return;
    if (target instanceof Element && target.closest("input, textarea, select, [contenteditable]")) return;
    event.preventDefault();
    does();
  });
}
