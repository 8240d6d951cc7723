/**
 * The list: what was loaded and what has arrived, newest first, each once. Pure: every function takes an inbox and
 * returns another.
 *
 * A place is the seq up to which the list has a stream. A session is checked against it (spec.md, section 6.3): what is
 * at or below is a repeat, and a `prev` beyond it means that something was lost.
 */
import { placesOf, tagOf } from "./places.js";

/** @import { CloudEvent, GapFrame, MarkFrame, NotificationFrame } from "@carillon/protocol/frames" */
/** @typedef {{ upTo: number, except: readonly number[] }} Mark */
/** @typedef {{ key: string, stream: string, seq?: number, event: CloudEvent, read: boolean, archived: boolean }} Item */
/** @typedef {{ stream: string, seq: number, event: CloudEvent, read: boolean, archived: boolean }} Loaded */
/** @typedef {{ items: readonly Loaded[], before: string | null, cursor: string }} InboxPage */
/** @typedef {Pick<GapFrame, "stream" | "reason" | "from" | "to">} Gap */
/**
 * @typedef {{
 *   items: readonly Item[],
 *   places: Readonly<Record<string, number>>,
 *   started: readonly string[],
 *   marks: Readonly<Record<string, Mark>>,
 *   gaps: readonly Gap[],
 *   before: string | null,
 *   isCut: boolean,
 *   passing: number,
 * }} Inbox
 */
/** @typedef {{ inbox: Inbox, outcome: "new" | "repeat" | "lost", replaced: readonly Item[] }} Arrival */

export const mostItems = 500;
const mostGaps = 20;

/** @type {Inbox} */
export const emptyInbox = {
  items: [],
  places: {},
  started: [],
  marks: {},
  gaps: [],
  before: null,
  isCut: false,
  passing: 0,
};

/** @param {string} stream @param {number} seq */
const keyOf = (stream, seq) => `${stream} ${seq}`;

/** @param {Loaded} loaded @returns {Item} */
const itemOf = ({ stream, seq, event, read, archived }) => ({
  key: keyOf(stream, seq),
  stream,
  seq,
  event,
  read,
  archived,
});

/** @param {Inbox} inbox @param {readonly Item[]} items @returns {Inbox} */
const withItems = (inbox, items) =>
  items.length <= mostItems
    ? { ...inbox, items }
    : { ...inbox, items: items.slice(0, mostItems), before: null, isCut: true };

/** The newest page takes the place of the list, but for what has arrived since. @param {Inbox} inbox @param {InboxPage} page */
export function withNewest(inbox, page) {
  const places = placesOf(page.cursor);
  const since = inbox.items.filter(
    ({ stream, seq }) => seq !== undefined && seq > (places.get(tagOf(stream)) ?? Number.POSITIVE_INFINITY),
  );
  const fresh = { ...inbox, marks: {}, gaps: [], before: page.before, isCut: false };
  return withItems(fresh, [...since, ...page.items.map(itemOf)]);
}

/** @param {Inbox} inbox @param {InboxPage} page */
export function withOlder(inbox, page) {
  const known = new Set(inbox.items.map(({ key }) => key));
  const older = page.items.map(itemOf).filter(({ key }) => !known.has(key));
  return withItems({ ...inbox, before: page.before }, [...inbox.items, ...older]);
}

/** A session has begun. @param {Inbox} inbox @returns {Inbox} */
export const withSession = (inbox) => ({ ...inbox, started: [] });

/** @param {Inbox} inbox @param {string} stream @param {number} seq @returns {Inbox} */
export const withPlace = (inbox, stream, seq) => ({
  ...inbox,
  places: { ...inbox.places, [stream]: seq },
  started: inbox.started.includes(stream) ? inbox.started : [...inbox.started, stream],
});

/** What isn't followed any more is no part of the inbox. @param {Inbox} inbox @param {string} stream @returns {Inbox} */
export function withoutStream(inbox, stream) {
  const { [stream]: _, ...places } = inbox.places;
  const started = inbox.started.filter((each) => each !== stream);
  return { ...inbox, places, started, items: inbox.items.filter((item) => item.stream !== stream) };
}

/** @param {Inbox} inbox @param {NotificationFrame} frame @returns {Arrival} */
export function withArrival(inbox, { stream, seq, prev, event }) {
  if (seq === undefined) {
    const passing = inbox.passing + 1;
    const item = { key: `passing ${passing}`, stream, event, read: true, archived: false };
    return { inbox: withItems({ ...inbox, passing }, [item, ...inbox.items]), outcome: "new", replaced: [] };
  }
  const place = inbox.places[stream];
  const key = keyOf(stream, seq);
  if (place !== undefined) {
    if (seq <= place) return { inbox, outcome: "repeat", replaced: [] };
    const isStarted = inbox.started.includes(stream);
    if (isStarted && prev !== undefined && prev > place) return { inbox, outcome: "lost", replaced: [] };
  }
  const placed = withPlace(inbox, stream, seq);
  if (inbox.items.some((item) => item.key === key)) return { inbox: placed, outcome: "repeat", replaced: [] };
  const replaced = inbox.items.filter((item) => isReplacedBy(item, stream, event));
  const item = {
    key,
    stream,
    seq,
    event,
    read: isMarked(inbox.marks[`read ${stream}`], seq),
    archived: isMarked(inbox.marks[`archive ${stream}`], seq),
  };
  const rest = replaced.length === 0 ? inbox.items : inbox.items.filter((each) => !replaced.includes(each));
  return { inbox: withItems(placed, [item, ...rest]), outcome: "new", replaced };
}

/** @param {Item} item @param {string} stream @param {CloudEvent} event */
const isReplacedBy = (item, stream, { collapsekey }) =>
  typeof collapsekey === "string" && item.stream === stream && item.event["collapsekey"] === collapsekey;

/** What is on the screen has to be loaded anew after `rewound` and `epoch`. @param {Inbox} inbox @param {GapFrame} gap */
export function withGap(inbox, { stream, reason, from, to }) {
  const isBack = reason === "rewound" || reason === "epoch";
  const placed = withPlace(inbox, stream, isBack ? to : Math.max(to, inbox.places[stream] ?? 0));
  return { ...placed, gaps: [...inbox.gaps, { stream, reason, from, to }].slice(-mostGaps) };
}

/** @param {Mark | undefined} mark @param {number} seq */
const isMarked = (mark, seq) => mark !== undefined && seq <= mark.upTo !== mark.except.includes(seq);

/** @param {Inbox} inbox @param {MarkFrame<"read"> | MarkFrame<"archive">} frame @returns {Inbox} */
export function withMark(inbox, { type, stream, upTo, except }) {
  const mark = { upTo, except };
  const items = inbox.items.map((item) => {
    if (item.stream !== stream || item.seq === undefined) return item;
    const marked = isMarked(mark, item.seq);
    return type === "read" ? { ...item, read: marked } : { ...item, archived: marked };
  });
  return { ...inbox, items, marks: { ...inbox.marks, [`${type} ${stream}`]: mark } };
}

/** @param {Inbox} inbox @param {ReadonlySet<string>} keys @param {Partial<Pick<Item, "read" | "archived">>} change @returns {Inbox} */
export const withChange = (inbox, keys, change) => ({
  ...inbox,
  items: inbox.items.map((item) => (keys.has(item.key) ? { ...item, ...change } : item)),
});

/** @param {Inbox} inbox @param {number} now @returns {{ inbox: Inbox, expired: readonly Item[] }} */
export function withoutExpired(inbox, now) {
  const expired = inbox.items.filter(({ event }) => Date.parse(String(event["expirytime"] ?? "")) <= now);
  if (expired.length === 0) return { inbox, expired };
  return { inbox: { ...inbox, items: inbox.items.filter((item) => !expired.includes(item)) }, expired };
}
