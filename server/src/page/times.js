/** Times as people say them. Pure. */

/** @type {readonly (readonly [Intl.RelativeTimeFormatUnit, number])[]} */
const units = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];
const format = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "long" });

/** @param {number} at @param {number} now */
export function relativeTime(at, now) {
  const awayMs = at - now;
  const [unit, sizeMs] = units.find(([, each]) => Math.abs(awayMs) >= each) ?? [null, 1];
  return unit === null ? "just now" : format.format(Math.trunc(awayMs / sizeMs), unit);
}
