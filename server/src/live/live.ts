import type { FastifyInstance } from "fastify";
import type { RateLimits } from "../access/rate-limits.ts";
import type { AddressOf } from "../address.ts";
import type { Clock } from "../clock.ts";
import type { Authorizer } from "../http/authorize.ts";
import type { Asking } from "../http/origins.ts";
import type { Arrivals } from "./arrivals.ts";
import { registerLongPoll } from "./long-poll.ts";
import type { Sessions } from "./sessions.ts";
import { registerSse } from "./sse.ts";
import { registerWebSocket } from "./websocket.ts";

export interface LiveLimits {
  /** The largest frame from a client. */
  readonly frameBytes: number;
  /** Frames from one client; twice as many at once after a second of silence. */
  readonly framesPerSecond: number;
  /** How long a WebSocket may stay open before its token comes. */
  readonly unauthenticatedMs: number;
  /** How many WebSockets may wait for their tokens at once, in all and of one address. */
  readonly unauthenticated: number;
  readonly unauthenticatedPerAddress: number;
  /** How long a connection may take to end once it was told to. */
  readonly closeMs: number;
  /** The longest that a long poll waits. */
  readonly pollWaitMs: number;
}

export const liveDefaults: LiveLimits = {
  frameBytes: 65_536,
  framesPerSecond: 50,
  unauthenticatedMs: 10_000,
  unauthenticated: 10_000,
  unauthenticatedPerAddress: 1_000,
  closeMs: 5_000,
  pollWaitMs: 60_000,
};

export interface LiveOptions {
  readonly sessions: Pick<Sessions, "open">;
  readonly authorizer: Pick<Authorizer, "client" | "ticket">;
  /** Whether a page of this origin may connect. Asked only where a browser says one. */
  readonly allowsOrigin: (asking: Asking) => boolean;
  readonly addressOf: AddressOf;
  readonly arrivals: Arrivals;
  /** Counts a request. */
  readonly rates: Pick<RateLimits, "request">;
  readonly metrics: LiveMetrics;
  readonly limits: LiveLimits;
  readonly clock: Clock;
  /** A bug showed itself where there is no request to answer: something to log. */
  readonly broken: (reason: unknown) => void;
}

export interface LiveMetrics {
  /** A new session was told to come back later. */
  deferred(): void;
  /** How many sockets wait for their tokens. */
  unauthenticated(read: () => number): void;
}

/** The three transports of a session. Behind `guard`: it looks after who may open the streams and polls. */
export function registerLive(app: FastifyInstance, options: LiveOptions): void {
  registerWebSocket(app, options);
  registerSse(app, options);
  registerLongPoll(app, options);
}
