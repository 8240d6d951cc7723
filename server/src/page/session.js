/** A person who is signed in: their list and badge, kept true by what the server says, and what they ask of it. */
import { badgeOf, unreadOf, unseenOf, withCounted, withoutCounted } from "./badge.js";
import { connect } from "./connection.js";
import {
  emptyInbox,
  withArrival,
  withChange,
  withGap,
  withMark,
  withNewest,
  withOlder,
  withoutExpired,
  withoutStream,
  withPlace,
  withSession,
} from "./inbox.js";
import { lookOf } from "./marking.js";
import { ask } from "./requests.js";

/** @import { ServerFrame, NotificationFrame, UnreadCount } from "@carillon/protocol/frames" */
/** @import { Badge } from "./badge.js" */
/** @import { Status } from "./connection.js" */
/** @import { InboxPage } from "./inbox.js" */
/** @import { Asked, Waiting } from "./marking.js" */
/** @import { Answer } from "./requests.js" */
/**
 * @typedef {{
 *   changed: () => void,
 *   arrived: (frame: NotificationFrame) => void,
 *   followed: () => void,
 *   failed: (what: string) => void,
 *   status: (status: Status) => void,
 *   passed: (direction: "in" | "out", text: string) => void,
 *   ended: (why: string) => void,
 * }} Told
 */
/** @typedef {ReturnType<typeof startSession>} Session */

const pageSize = 50;
const mostEmptyPages = 20;

/** @param {string} token @param {Told} told */
export function startSession(token, told) {
  let inbox = emptyInbox;
  /** @type {Badge | null} */
  let badge = null;
  /** @type {readonly Waiting[]} */
  let waiting = [];
  /** @type {string | null} */
  let cursor = null;
  let user = "";
  let isLoaded = false;
  let isCaughtUp = false;
  let isLooked = true;
  let isSaying = false;

  const count = (/** @type {UnreadCount} */ unread) => {
    badge = badgeOf(unread);
    isLooked = false;
  };

  /** A page may be empty with more behind it. @param {string | null} before @returns {Promise<Answer<InboxPage & { unread: UnreadCount }>>} */
  async function page(before) {
    for (let place = before, left = mostEmptyPages; ; left -= 1) {
      const behind = place === null ? "" : `&before=${encodeURIComponent(place)}`;
      /** @type {Answer<InboxPage & { unread: UnreadCount }>} */
      const answer = await ask(token, "GET", `/v1/inbox?silent=true&limit=${pageSize}${behind}`);
      if (!answer.ok || answer.value.items.length > 0 || left === 0) return answer;
      place = answer.value.before;
      if (place === null) return answer;
    }
  }

  async function prepare() {
    if (isLoaded) return { ok: /** @type {const} */ (true), value: null };
    const answer = await page(null);
    if (!answer.ok) return answer;
    inbox = withNewest(inbox, answer.value);
    cursor = answer.value.cursor;
    count(answer.value.unread);
    isLoaded = true;
    told.changed();
    return { ok: /** @type {const} */ (true), value: null };
  }

  /** Marks and what was taken back while nobody listened, and what a gap left out. */
  async function reload() {
    const answer = await page(null);
    if (answer.ok) inbox = withNewest(inbox, answer.value);
    else told.failed(`The list could not be loaded. ${answer.problem.title}.`);
    told.changed();
  }

  const take = (/** @type {ServerFrame} */ frame) => {
    switch (frame.type) {
      case "hello": {
        user = frame.user;
        cursor ??= frame.cursor;
        inbox = withSession(inbox);
        const isAnother = badge !== null && badge.told.rev !== frame.unread.rev;
        count(frame.unread);
        told.followed();
        if (isAnother) void reload();
        break;
      }
      case "notification":
        arrive(frame);
        break;
      case "caught-up":
        isCaughtUp = true;
        cursor = frame.cursor;
        break;
      case "cursor":
        cursor = frame.cursor;
        return;
      case "gap":
        inbox = withGap(inbox, frame);
        if (frame.reason === "rewound" || frame.reason === "epoch") void reload();
        break;
      case "subscribe":
        inbox = withPlace(inbox, frame.stream, frame.seq ?? 0);
        told.followed();
        break;
      case "unsubscribe":
        inbox = withoutStream(inbox, frame.stream);
        told.followed();
        break;
      case "read":
      case "archive":
        inbox = withMark(inbox, frame);
        break;
      case "unread":
        count(frame);
        break;
      default:
        return;
    }
    told.changed();
  };

  const arrive = (/** @type {NotificationFrame} */ frame) => {
    const arrival = withArrival(inbox, frame);
    inbox = arrival.inbox;
    if (arrival.outcome === "lost") return connection.again();
    if (arrival.outcome === "repeat") return;
    if (badge !== null) {
      badge = arrival.replaced.reduce((sum, item) => withoutCounted(sum, item), withCounted(badge, frame));
      isLooked = false;
    }
    if (isCaughtUp) told.arrived(frame);
  };

  const connection = connect(token, {
    prepare,
    cursor: () => cursor,
    forgetCursor() {
      cursor = null;
    },
    frame: take,
    passed: told.passed,
    status: told.status,
    ended: told.ended,
  });

  return {
    user: () => user,
    inbox: () => inbox,
    looks: () => inbox.items.map((item) => lookOf(item, waiting)).filter(({ archived }) => !archived),
    unread: () => unreadOf(badge),
    unseen: () => unseenOf(badge),
    isCaughtUp: () => isCaughtUp,
    reload,
    close: () => connection.close(),

    async older() {
      if (inbox.before === null) return;
      const { before } = inbox;
      const answer = await page(before);
      if (inbox.before !== before) return;
      if (answer.ok) inbox = withOlder(inbox, answer.value);
      else if (answer.problem.code === "before-invalid") return reload();
      else told.failed(`What is older could not be loaded. ${answer.problem.title}.`);
      told.changed();
    },

    /** True once the server has it; what it refuses is as before. @param {Asked} asked */
    async mark({ waiting: mine, requests }) {
      const before = inbox.marks;
      waiting = [...waiting, mine];
      told.changed();
      const outcomes = await Promise.all(requests.map((request) => connection.request(request)));
      const refused = outcomes.find(({ ok }) => !ok);
      waiting = waiting.filter((each) => each !== mine);
      // What the server has said of a stream meanwhile is newer than this answer.
      const isTold = (/** @type {string} */ key) => before[key] !== inbox.marks[key];
      const keys = inbox.items.filter(
        ({ key, stream }) => mine.keys.has(key) && !isTold(`${mine.kind} ${stream}`),
      );
      if (refused === undefined) {
        const change = mine.kind === "read" ? { read: mine.to } : { archived: mine.to };
        inbox = withChange(inbox, new Set(keys.map(({ key }) => key)), change);
      } else told.failed(`Not done: ${refused.detail}.`);
      told.changed();
      return refused === undefined;
    },

    /** The list was looked at; said once for what has come. */
    async look() {
      if (isLooked || isSaying || !isCaughtUp || unseenOf(badge) === 0) return;
      isSaying = true;
      isLooked = true;
      await connection.request({ type: "seen", all: true });
      isSaying = false;
      told.changed();
    },

    /** @param {number} now */
    expire(now) {
      const { inbox: left, expired } = withoutExpired(inbox, now);
      inbox = left;
      if (badge !== null) {
        badge = expired
          .filter((item) => item.seq !== undefined)
          .reduce(
            (sum, { stream, seq, event }) => withoutCounted(sum, { stream, seq: seq ?? 0, event }),
            badge,
          );
      }
      told.changed();
    },
  };
}
