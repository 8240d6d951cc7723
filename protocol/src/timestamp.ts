/**
 * Times on the wire: RFC 3339 timestamps, and durations such as `10m`.
 */

/** RFC 3339, section 5.6, with capital T and Z (which section 5.6 lets applications ask for). */
export const timestampPattern =
  "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])T([01][0-9]|2[0-3]):[0-5][0-9]:([0-5][0-9]|60)(\\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])$";

/** A whole number, 1 to 999999, of seconds, minutes, hours or days. */
export const durationPattern = "^[1-9][0-9]{0,5}[smhd]$";

/** Milliseconds since the epoch, fractions of them dropped; null when it is no RFC 3339 timestamp of a real day. */
export const parseTimestamp = (text: string): number | null => {
  if (!timestamp.test(text)) return null;
  const day = Number(text.slice(8, 10));
  const date = new Date(0);
  date.setUTCFullYear(Number(text.slice(0, 4)), Number(text.slice(5, 7)) - 1, day);
  if (date.getUTCDate() !== day) return null;
  date.setUTCHours(Number(text.slice(11, 13)), Number(text.slice(14, 16)), Number(text.slice(17, 19)));
  const zone = text.endsWith("Z") ? "" : text.slice(-6);
  const fraction = text.slice(19, text.length - (zone.length || 1));
  const offsetMinutes = zone ? Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4)) : 0;
  return (
    date.getTime() +
    Number(fraction.slice(1, 4).padEnd(3, "0")) -
    (zone.startsWith("-") ? -1 : 1) * offsetMinutes * 60_000
  );
};

/** In milliseconds; null when it is no duration. */
export const parseDuration = (text: string): number | null => {
  if (!duration.test(text)) return null;
  return Number(text.slice(0, -1)) * unitMs[text.at(-1) as keyof typeof unitMs];
};

/** As text, in the largest unit that says it exactly; of whole seconds. */
export const formatDuration = (ms: number): string => {
  const unit = (["d", "h", "m", "s"] as const).find((one) => ms % unitMs[one] === 0) ?? "s";
  return `${Math.floor(ms / unitMs[unit])}${unit}`;
};

const timestamp = new RegExp(timestampPattern);
const duration = new RegExp(durationPattern);
const unitMs = { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
