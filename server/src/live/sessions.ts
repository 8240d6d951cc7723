import type { CloseReason } from "@carillon/protocol/close-codes";
import type { Client } from "../access/principal.ts";
import type { RateLimits } from "../access/rate-limits.ts";
import type { PresentSession } from "../bus/driver.ts";
import type { Clock } from "../clock.ts";
import type { Distributor } from "../distributor/distributor.ts";
import { Failure } from "../errors.ts";
import type { Service } from "../lifecycle.ts";
import type { Following } from "../receiver/following.ts";
import type { Publishing } from "../receiver/publishing.ts";
import { makeTimerWheel, type TimerWheel } from "../timer-wheel.ts";
import { makeLingering } from "./presence.ts";
import { Session, type SessionOptions } from "./session.ts";

export type Verify = (
  token: string,
) => Promise<
  Client | { readonly error: string; readonly reason: "token-expired" | "token-invalid" | "token-revoked" }
>;

export interface SessionsOptions {
  /** The server says something at least this often. */
  readonly heartbeatMs: number;
  /** Bytes that may wait for a live session; with more it is slow and goes back to catching up. */
  readonly bufferBytes: number;
  /** How long a session may be slow before it is closed. */
  readonly slowMs: number;
  /** Sessions of one user at once. */
  readonly perUser: number;
  /** Sessions of the process at once. */
  readonly total: number;
}

export const sessionsDefaults: SessionsOptions = {
  heartbeatMs: 25_000,
  bufferBytes: 64 * 1024,
  slowMs: 30_000,
  perUser: 64,
  total: 100_000,
};

export interface SessionsMetrics {
  opened(transport: Session["encoding"]["name"]): void;
  ended(transport: Session["encoding"]["name"]): void;
  closed(reason: CloseReason): void;
}

export const noSessionsMetrics: SessionsMetrics = { opened() {}, ended() {}, closed() {} };

export interface SessionsDeps {
  readonly distributor: Distributor;
  readonly clock: Clock;
  readonly verify: Verify;
  readonly following: Pick<Following, "follow" | "leave">;
  readonly publishing: Publishing;
  readonly isRevoked: (client: Client) => boolean;
  readonly rates: Pick<RateLimits, "request" | "notifications">;
  readonly metrics: SessionsMetrics;
  /** A bug showed itself: something to log. */
  readonly broken: (reason: unknown) => void;
}

/** What sessions share. */
export interface SessionShared extends SessionsDeps {
  readonly wheel: TimerWheel;
  readonly options: SessionsOptions;
  readonly ended: (session: Session) => void;
}

/** All sessions of this process; what the transports open them with. */
export interface Sessions extends Service {
  /**
   * Synchronous: frames follow as they become ready. Throws `Failure`: "stopped" while draining, "overloaded"
   * when the process or the user has as many as are allowed. With a token that was revoked after it was looked at,
   * it is closed before it is returned.
   */
  open(options: SessionOptions): Session;
  /** Ends those of this user, or of all, whose token is good no more. */
  recheck(user: string | null): void;
  /** Ends those of a user who was erased. */
  erased(user: string): void;
  /** Those of a user; a client that polls has one between two polls too. */
  present(user: string): readonly PresentSession[];
  /** Asks every session to go elsewhere, spread over the window, and closes those that are left at its end. */
  drain(windowMs: number): Promise<void>;
  count(): number;
  /** Sessions that are not live in all of their streams. It visits every one: for a scrape, not for a hot path. */
  catchingUp(): number;
}

/** Thrown when one user has too many sessions; the process itself has room. */
export class TooManySessions extends Failure {
  constructor(most: number) {
    super("overloaded", `the user has ${most} sessions, as many as are allowed`);
  }
}

const wheelTickMs = 500;
const drainSteps = 20;

export function makeSessions(deps: SessionsDeps, options: SessionsOptions = sessionsDefaults): Sessions {
  const wheel = makeTimerWheel(deps.clock, wheelTickMs);
  const sessions = new Set<Session>();
  const perUser = new Map<string, Session[]>();
  const lingering = makeLingering(deps.clock, options.total);
  const prefix = Math.floor(deps.clock.now()).toString(36);
  let serial = 0;
  let draining = false;
  let whenEmpty: (() => void) | null = null;

  function ended(session: Session): void {
    if (!sessions.delete(session)) return;
    const left = perUser.get(session.user)!;
    left.splice(left.indexOf(session), 1);
    if (left.length === 0) perUser.delete(session.user);
    deps.metrics.ended(session.encoding.name);
    if (session.encoding.name === "poll") lingering.left(session.user, session.present());
    if (sessions.size === 0) whenEmpty?.();
  }

  const shared: SessionShared = { ...deps, wheel, options, ended };

  function open(wanted: SessionOptions): Session {
    if (draining) throw new Failure("stopped", "the server is shutting down", { retryAfterMs: 1_000 });
    if (sessions.size >= options.total) {
      throw new Failure("overloaded", "the server has as many sessions as it takes", { retryAfterMs: 5_000 });
    }
    const mine = perUser.get(wanted.client.user) ?? [];
    if (mine.length >= options.perUser) throw new TooManySessions(options.perUser);
    const session = new Session(`${prefix}-${(serial++).toString(36)}`, wanted, shared);
    sessions.add(session);
    mine.push(session);
    perUser.set(session.user, mine);
    deps.metrics.opened(session.encoding.name);
    session.recheck();
    return session;
  }

  const wait = (ms: number): Promise<void> => new Promise((resolve) => void deps.clock.after(ms, resolve));

  async function drain(windowMs: number): Promise<void> {
    draining = true;
    const all = [...sessions];
    const endsAt = deps.clock.now() + windowMs;
    const perStep = Math.ceil(all.length / drainSteps);
    const empty = new Promise<void>((resolve) => {
      whenEmpty = resolve;
      if (sessions.size === 0) resolve();
    });
    const paced = async (): Promise<void> => {
      for (let at = 0; at < all.length; at += perStep) {
        for (const session of all.slice(at, at + perStep)) session.goaway(windowMs, Math.ceil(windowMs / 2));
        await wait(windowMs / drainSteps);
      }
      await wait(Math.max(0, endsAt - deps.clock.now()));
    };
    await Promise.race([empty, paced()]);
    for (const session of [...sessions]) session.close("draining", "the server is shutting down");
    await Promise.race([empty, wait(1_000)]);
  }

  return {
    name: "sessions",
    open,
    recheck(user) {
      for (const session of [...(user === null ? sessions : (perUser.get(user) ?? []))]) session.recheck();
    },
    erased(user) {
      for (const session of [...(perUser.get(user) ?? [])]) session.erased();
      lingering.forget(user);
    },
    present(user) {
      const live = (perUser.get(user) ?? []).map((session) => session.present());
      return [...live, ...lingering.of(user, live)];
    },
    drain,
    count: () => sessions.size,
    catchingUp() {
      let count = 0;
      for (const session of sessions) if (!session.isLive()) count++;
      return count;
    },
    async start() {
      wheel.start();
    },
    async stop() {
      draining = true;
      wheel.stop();
      for (const session of [...sessions]) {
        session.close("draining", "the server is shutting down");
        session.ended();
      }
    },
  };
}
