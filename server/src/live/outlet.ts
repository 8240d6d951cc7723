/**
 * What a transport gives to a session: a way out for bytes. The session gives back: `drained()` when the queue
 * has emptied, `receive()` for what the client said, `ended()` once the connection is gone.
 */
import type { CloseReason } from "@carillon/protocol/close-codes";
import type { Encoding } from "../distributor/encoding.ts";

export type { Encoding };

export interface Outlet {
  readonly encoding: Encoding;
  /** Takes the bytes of one flush, whole frames only; called at most once a tick. Never throws, never blocks. */
  write(bytes: Buffer): void;
  /** How many bytes were written and are not yet with the kernel; 0 where no `drained()` will follow. */
  queued(): number;
  /**
   * Ends the connection and says why, after what was written. The transport calls `ended()` when it is gone;
   * nothing is written after `close`.
   */
  close(reason: CloseReason, detail: string): void;
}
