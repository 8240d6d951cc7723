/**
 * One client's live connection, whatever the transport: the state machine under websocket.ts, sse.ts and
 * long-poll.ts. (Being written; the surface below is what transports use.)
 */
import type { Outlet } from "./outlet.ts";

export interface SessionOptions {
  readonly user: string;
  /** The token's `exp`, in milliseconds: the session ends then. */
  readonly expiresAt: number;
  readonly cursor: string | null;
  readonly device: string | null;
  /** Send a cursor after each flush (always on SSE). */
  readonly cursors: boolean;
  /** False for long polling: no hello, no heartbeats. */
  readonly greeting: boolean;
  readonly outlet: Outlet;
}

export interface Session {
  readonly id: string;
  readonly user: string;
  /** The client's place in every stream after what was written so far. */
  cursor(): string;
  /** Everything missed has been written. */
  caughtUp(): boolean;
  /** The transport's queue has emptied. */
  drained(): void;
  /** One frame from the client, as text. Malformed ones close the session with a code. */
  receive(text: string): void;
  /** Any sign of life from the client (a protocol pong, bytes). */
  heard(): void;
  /** Ends it from the server's side. */
  close(reason: import("@carillon/protocol/close-codes").CloseReason, detail: string): void;
  /** The connection is gone: forget everything. Idempotent. */
  ended(): void;
}

/** Opens sessions; what the transports are given. */
export interface Sessions {
  /** Synchronous: frames follow as they become ready. Throws `Failure` (overloaded, stopped) when refused. */
  open(options: SessionOptions): Session;
}
