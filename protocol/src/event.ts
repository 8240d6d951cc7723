/**
 * A notification as it is stored and delivered, and what makes two of them the same.
 */
import type { Notification } from "./notification.ts";
import { parseDuration, parseTimestamp } from "./timestamp.ts";

/** What the receiver settles: the notification's own values where it has them. */
export interface Stamp {
  readonly id: string;
  readonly source: string;
  /** RFC 3339. */
  readonly time: string;
  /** When it stops being of use, in milliseconds since the epoch, as `expiresAt` said; null for never. */
  readonly expiresAt: number | null;
}

/** When a notification accepted at `now` expires, in milliseconds since the epoch; null for never. */
export const expiresAt = (notification: Notification, now: number): number | null => {
  const { expires } = notification;
  if (expires === undefined) return null;
  const duration = parseDuration(expires);
  return duration === null ? parseTimestamp(expires) : now + duration;
};

/**
 * The CloudEvent in JSON text that is stored and shown, the same for every recipient. Of the routing it repeats
 * what a client acts on: `expirytime` and `collapsekey` to drop and to replace what is on a screen, `silent` to
 * leave it out of a count, `receipt` to acknowledge at once; and `topic`, where it is for some of those who follow one.
 * `to` is left out: the other recipients are nobody's business; and `ephemeral`, which the absence of a seq says.
 * The trace context comes before all that is the producer's to choose, so that `tracedEvent` finds it unread.
 */
export const toEvent = (notification: Notification, stamp: Stamp): string => {
  const event: Record<string, unknown> = {
    specversion: "1.0",
    id: stamp.id,
    source: stamp.source,
    type: notification.type,
    time: stamp.time,
  };
  for (const name of traceContext) if (notification[name] !== undefined) event[name] = notification[name];
  for (const name in notification) {
    if (!unstated.has(name)) event[name] = notification[name];
  }
  if (stamp.expiresAt !== null) event["expirytime"] = new Date(stamp.expiresAt).toISOString();
  if (notification.collapseKey !== undefined) event["collapsekey"] = notification.collapseKey;
  if (notification.silent) event["silent"] = true;
  if (notification.receipt) event["receipt"] = true;
  return JSON.stringify(event);
};

const traceContext = ["traceparent", "tracestate"];

const text = '"(?:[^"\\\\]|\\\\.)*"';
const beginning = new RegExp(
  `^{"specversion":"1.0","id":${text},"source":${text},"type":${text},"time":${text},"traceparent":"([0-9a-f-]{55})"`,
);

/** The traceparent of an event that `toEvent` wrote, without reading the rest of it; null where it has none. */
export const tracedEvent = (event: string): string | null => beginning.exec(event)?.[1] ?? null;

/** Set above, or not shown. */
const unstated: ReadonlySet<string> = new Set([
  ...traceContext,
  "to",
  "id",
  "source",
  "type",
  "time",
  "expires",
  "collapseKey",
  "silent",
  "ephemeral",
  "receipt",
]);

/**
 * The input of the content's digest: the same text for the same content, whatever the order of keys or the form
 * in which it was sent. Left out: `to`, as identity is per stream; `source` and `id`, which are the name and not
 * the content; trace context, which differs on every attempt; what says the same as its absence. Attributes count
 * as text, since a header has no other type (CloudEvents 1.0, section "Type System"). A relative
 * `expires` counts as it was written, so that the same request later is still the same. A `time` counts only
 * where the producer gave one.
 */
export const canonical = (notification: Notification): string => {
  const names: string[] = [];
  for (const name in notification) if (!immaterial.has(name)) names.push(name);
  let text = "{";
  for (const name of names.sort()) {
    const value = notification[name];
    if (value === undefined || (value === false && (name === "silent" || name === "receipt"))) continue;
    if (name === "datacontenttype" && isImplied.test(value as string)) continue;
    const isOfItsType = name === "data" || typeof value === "string";
    text += `"${name}":${sorted(isOfItsType ? value : String(value))},`;
  }
  return `${text}}`;
};

const immaterial: ReadonlySet<string> = new Set(["to", "id", "source", "ephemeral", ...traceContext]);

/** JSON is always in UTF-8 (RFC 8259, section 8.1). */
const isImplied = /^application\/json *(; *charset=utf-8 *)?$/i;

const sorted = (value: unknown): string => {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(sorted).join(",")}]`;
  const record = value as Record<string, unknown>;
  let text = "{";
  for (const key of Object.keys(record).sort()) text += `${JSON.stringify(key)}:${sorted(record[key])},`;
  return `${text}}`;
};
