/** How much is unread: what the server said last, and what has come since (spec.md, section 6.7). Pure. */
import { placesOf, tagOf } from "./places.js";

/** @import { UnreadCount } from "@carillon/protocol/frames" */
/** @typedef {{ stream: string, seq?: number | undefined, event: { readonly [attribute: string]: unknown } }} Countable */
/** @typedef {{ told: UnreadCount, places: ReadonlyMap<number, number>, since: number }} Badge */

/** @param {UnreadCount} told @returns {Badge} */
export const badgeOf = (told) => ({ told, places: placesOf(told.cursor), since: 0 });

/** Whether the server's count hasn't got it yet. @param {Badge} badge @param {Countable} one */
function isBeyond({ places }, { stream, seq, event }) {
  const place = places.get(tagOf(stream));
  return seq !== undefined && place !== undefined && seq > place && event["silent"] !== true;
}

/** @param {Badge} badge @param {Countable} one @returns {Badge} */
export const withCounted = (badge, one) =>
  isBeyond(badge, one) ? { ...badge, since: badge.since + 1 } : badge;

/** For what has expired or was replaced. @param {Badge} badge @param {Countable} one @returns {Badge} */
export const withoutCounted = (badge, one) =>
  isBeyond(badge, one) ? { ...badge, since: Math.max(0, badge.since - 1) } : badge;

/** @param {Badge | null} badge */
export const unreadOf = (badge) => (badge === null ? 0 : badge.told.total + badge.since);

/** @param {Badge | null} badge */
export const unseenOf = (badge) => (badge === null ? 0 : badge.told.unseen.total + badge.since);
