/**
 * What a transport gives to a session: a way out for bytes. The session gives back: `drained()` when the queue
 * has emptied, `receive()` for what the client said, `ended()` once the connection is gone.
 */
import type { CloseReason } from "@carillon/protocol/close-codes";

/**
 * How a transport wraps one frame's JSON text. Pure, and one object for each transport, shared by all of its
 * sessions: what it makes of a notification is encoded once and shared by everybody who gets it.
 */
export interface Encoding {
  readonly name: "websocket" | "sse" | "poll";
  /** The bytes of one frame. `type` is the JSON's own `type`. */
  frame(type: string, json: string): Buffer;
  /** The bytes that give the client its place after a flush; null where the transport has no such thing. */
  cursor(token: string): Buffer | null;
}

export interface Outlet {
  readonly encoding: Encoding;
  /** Takes the bytes of one flush, whole frames only; called at most once a tick. Never throws, never blocks. */
  write(bytes: Buffer): void;
  /** How many bytes were written and are not yet with the kernel. */
  queued(): number;
  /**
   * Ends the connection and says why, after what was written. The transport calls `ended()` when it is gone;
   * nothing is written after `close`.
   */
  close(reason: CloseReason, detail: string): void;
}
