/**
 * A user's notifications, in order, each once, for as long as it is wanted: keeps a connection, comes back with
 * the cursor when it is lost, refreshes the token, and drops what came twice.
 */
import type { ServerFrame } from "@carillon/protocol/frames";
import { UnreachableError } from "../api.ts";
import { makePlaces } from "./places.ts";
import { again, type Ended, never, type Transport } from "./transport.ts";

export interface FollowOptions {
  /** Asked for each connection: a server that comes back may do so elsewhere. */
  readonly url: () => string;
  readonly transport: Transport;
  /** A token that is good now. An UnreachableError is tried again, any other ends it. */
  readonly token: () => Promise<string>;
  /** Whether `token` would give another one. */
  readonly tokenRenews: boolean;
  /** How long before a fresh token is given in band. */
  readonly renewAfterMs: number;
  readonly cursor: string | null;
  readonly device: string | null;
  readonly signal: AbortSignal;
  /** Every frame but repeats, in order; `cursor` is true once the frame was dealt with. */
  readonly frame: (frame: ServerFrame, cursor: string | null) => void;
  readonly state: (state: FollowState) => void;
}

export type FollowState =
  | { readonly is: "connected" }
  | { readonly is: "reconnecting"; readonly why: string; readonly inMs: number };

const firstDelayMs = 100;
const longestDelayMs = 10_000;

/** Resolves with null when `signal` ended it, else with why it can't go on; rejects as `token` and `url` do. */
export async function follow(options: FollowOptions): Promise<string | null> {
  const { signal } = options;
  let { cursor } = options;
  let failures = 0;
  let refusedTokens = 0;
  while (!signal.aborted) {
    let connected = false;
    const ended = await connect(options, cursor, (place) => {
      cursor = place ?? cursor;
      failures = 0;
      refusedTokens = 0;
      if (!connected) options.state({ is: "connected" });
      connected = true;
    });
    if (signal.aborted) return null;
    if (ended.verdict === "never") return ended.why;
    if (ended.verdict === "token" && (!options.tokenRenews || ++refusedTokens > 2)) return ended.why;
    const inMs = Math.max(ended.retryMs, backoffMs(failures++));
    options.state({ is: "reconnecting", why: ended.why, inMs });
    await pause(inMs, signal);
  }
  return null;
}

async function connect(
  options: FollowOptions,
  cursor: string | null,
  moved: (place: string | null) => void,
): Promise<Ended> {
  const places = makePlaces();
  const stop = new AbortController();
  const signal = AbortSignal.any([options.signal, stop.signal]);
  let renewal: NodeJS.Timeout | undefined;
  let leaving: NodeJS.Timeout | undefined;
  if (cursor !== null && !places.seed(cursor)) {
    return never("the cursor is damaged; start without it");
  }
  const renewTokens = (say: (frame: object) => void) => {
    if (!options.tokenRenews) return;
    renewal = setInterval(() => {
      options.token().then(
        (token) => say({ type: "auth", token }),
        () => {},
      );
    }, options.renewAfterMs);
  };
  try {
    const token = await options.token();
    return await options.transport({
      url: options.url(),
      token,
      cursor,
      device: options.device,
      signal,
      speak: renewTokens,
      frame(frame) {
        if (stop.signal.aborted) return;
        const verdict = places.take(frame);
        if (verdict === "repeat") return;
        if (verdict === "lost") {
          stop.abort(again("something was lost on the way"));
          return;
        }
        const place = places.cursor();
        options.frame(frame, place);
        moved(place);
        if (frame.type === "goaway") {
          const ended = again("the server is going away", frame.retryMs);
          leaving ??= setTimeout(() => stop.abort(ended), Math.random() * frame.jitterMs);
        }
      },
      cursorWillBe: places.foresee,
      cursorIs(place) {
        places.seed(place);
        moved(place);
      },
    });
  } catch (error) {
    if (error instanceof UnreachableError) return again(error.message);
    throw error;
  } finally {
    clearInterval(renewal);
    clearTimeout(leaving);
  }
}

const backoffMs = (failures: number): number =>
  Math.min(longestDelayMs, firstDelayMs * 2 ** failures) * (0.5 + Math.random() / 2);

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done);
  });
}
