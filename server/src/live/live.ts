import type { FastifyInstance } from "fastify";
import type { Clock } from "../clock.ts";
import type { Authorizer } from "../http/authorize.ts";
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
  /** How many WebSockets may wait for their tokens at once. */
  readonly unauthenticated: number;
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
  closeMs: 5_000,
  pollWaitMs: 60_000,
};

export interface LiveOptions {
  readonly sessions: Pick<Sessions, "open">;
  readonly authorizer: Pick<Authorizer, "client">;
  /** Whether a page of this origin may connect. Asked only where a browser says one. */
  readonly allowsOrigin: (origin: string) => boolean;
  readonly limits: LiveLimits;
  readonly clock: Clock;
  /** A bug showed itself where there is no request to answer: something to log. */
  readonly broken: (reason: unknown) => void;
}

/** The three transports of a session. Behind `guard`: it looks after who may open the streams and polls. */
export function registerLive(app: FastifyInstance, options: LiveOptions): void {
  registerWebSocket(app, options);
  registerSse(app, options);
  registerLongPoll(app, options);
}
