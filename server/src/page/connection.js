/**
 * The connection as it lasts: opens a link, comes back when it ends, and gives up where the server says so. Waiting
 * times are the server's where it told any, else random and growing; being online again ends a wait.
 */
import { backoffMs, verdictOfClose, verdictOfProblem } from "./coming-back.js";
import { openLink } from "./link.js";

/** @import { ClientFrame, GoawayFrame, ServerFrame } from "@carillon/protocol/frames" */
/** @import { Verdict } from "./coming-back.js" */
/** @import { Link } from "./link.js" */
/** @import { MarkRequest } from "./marking.js" */
/** @import { Answer } from "./requests.js" */
/** @typedef {{ ok: boolean, detail: string }} Outcome */
/** @typedef {{ is: "connecting" | "live" | "offline" } | { is: "waiting", why: string, untilMs: number }} Status */
/** @typedef {MarkRequest | { type: "seen", all: true }} Request */
/**
 * @typedef {{
 *   prepare: () => Promise<Answer<unknown>>,
 *   cursor: () => string | null,
 *   forgetCursor: () => void,
 *   frame: (frame: ServerFrame) => void,
 *   passed: (direction: "in" | "out", text: string) => void,
 *   status: (status: Status) => void,
 *   ended: (why: string) => void,
 * }} World
 *   `prepare`: what has to be there before a session begins. `ended`: for good, and why.
 */
/** @typedef {{ request: (frame: Request) => Promise<Outcome>, again: () => void, close: () => void }} Connection */

const mostWaiting = 64;
/** A session that lasted this long was a good one. */
const lastedMs = 60_000;

/** @param {string} token @param {World} world @returns {Connection} */
export function connect(token, world) {
  /** @type {Link | null} */
  let link = null;
  /** @type {Link | null} */
  let opening = null;
  /** @type {Map<number, (outcome: Outcome) => void>} */
  const waiting = new Map();
  let ref = 0;
  let failures = 0;
  let timer = 0;
  let liveSince = 0;
  let isClosed = false;
  let attempt = 0;

  const forget = () => {
    for (const settle of waiting.values()) settle({ ok: false, detail: "the connection was lost" });
    waiting.clear();
  };
  const drop = () => {
    clearTimeout(timer);
    link?.close();
    opening?.close();
    link = null;
    opening = null;
    forget();
  };
  const finish = (/** @type {string} */ why) => {
    close();
    world.ended(why);
  };

  const follow = (/** @type {Verdict} */ { does, text, leastMs }) => {
    if (isClosed) return;
    if (does === "ends") return finish(text);
    if (does === "starts anew") world.forgetCursor();
    if (liveSince > 0 && Date.now() - liveSince > lastedMs) failures = 0;
    liveSince = 0;
    // A cursor is forgotten once; should that not help, it is a failure like others.
    const isAtOnce = does === "starts anew" && failures === 0;
    waitThenOpen(isAtOnce ? 0 : leastMs + backoffMs(failures, Math.random()), text);
    failures += 1;
  };

  const again = (/** @type {string} */ text) => {
    drop();
    attempt += 1;
    follow({ does: "comes back", text, leastMs: 0 });
  };

  const waitThenOpen = (/** @type {number} */ delayMs, /** @type {string} */ why) => {
    clearTimeout(timer);
    if (navigator.onLine) world.status({ is: "waiting", why, untilMs: Date.now() + delayMs });
    else world.status({ is: "offline" });
    timer = setTimeout(open, delayMs);
  };

  async function open() {
    clearTimeout(timer);
    if (link === null) world.status({ is: navigator.onLine ? "connecting" : "offline" });
    attempt += 1;
    const own = attempt;
    const prepared = await world.prepare();
    if (isClosed || own !== attempt) return;
    if (!prepared.ok) return follow(verdictOfProblem(prepared.problem));
    opening?.close();
    /** @type {Link} */
    const next = openLink(token, world.cursor(), {
      passed: world.passed,
      frame: (frame) => (frame.type === "hello" || next === link ? take(next, frame) : undefined),
      ended(code, reason) {
        const wasOpening = next === opening;
        if (wasOpening) opening = null;
        if (next === link) {
          link = null;
          forget();
        } else if (!wasOpening) return;
        if (opening !== null) return world.status({ is: "connecting" });
        follow(verdictOfClose(code, reason));
      },
    });
    opening = next;
  }

  const take = (/** @type {Link} */ from, /** @type {ServerFrame} */ frame) => {
    if (frame.type === "hello") {
      link?.close();
      forget();
      link = from;
      opening = null;
      liveSince = Date.now();
      world.status({ is: "live" });
    }
    if (frame.type === "reply") {
      const settle = waiting.get(frame.ref);
      waiting.delete(frame.ref);
      settle?.({ ok: frame.ok, detail: frame.ok ? "" : `${frame.error.detail} (${frame.error.code})` });
    }
    if (frame.type === "goaway") leave(frame);
    world.frame(frame);
  };

  /** The next session is opened before this one is let go. */
  const leave = (/** @type {GoawayFrame} */ { retryMs, jitterMs }) => {
    clearTimeout(timer);
    timer = setTimeout(open, retryMs + Math.random() * jitterMs);
  };

  const cameOnline = () => void (link === null && open());
  /** A server on the same machine, or in the same network, is there all the same: so it is tried. */
  const wentOffline = () => again("You are offline.");
  function close() {
    isClosed = true;
    drop();
    removeEventListener("online", cameOnline);
    removeEventListener("offline", wentOffline);
  }

  addEventListener("online", cameOnline);
  addEventListener("offline", wentOffline);
  void open();
  return {
    close,
    /** Ends this session and comes back with the cursor. */
    again: () => again("Something was lost on the way."),
    request(frame) {
      if (link === null) return Promise.resolve({ ok: false, detail: "there is no connection" });
      if (waiting.size >= mostWaiting)
        return Promise.resolve({ ok: false, detail: "too much waits already" });
      ref += 1;
      const { promise, resolve } = Promise.withResolvers();
      waiting.set(ref, resolve);
      link.send(/** @type {ClientFrame} */ ({ ...frame, ref }));
      return promise;
    },
  };
}
