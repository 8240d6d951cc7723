/**
 * The positions port: what the server stores of readers. What becomes of a mark is decided in `marks.ts`.
 *
 * Contract for drivers: durable when resolved; reads that begin afterwards see it. Failures are those of the
 * streams port. Writes are batched by the caller, but for `mark`: calls made meanwhile share a commit.
 */
import type { Mark, MarkChange, MarkKind } from "@carillon/protocol/marks";
import type { StreamName } from "@carillon/protocol/stream";

export interface DevicePosition {
  readonly user: string;
  /** A name of the client's choosing, 1 to 64 characters. */
  readonly device: string;
  /** The cursor token up to which the device has acknowledged. */
  readonly cursor: string;
}

/** A user has a stream's notifications up to and including `upTo`. */
export interface Acknowledgement {
  readonly user: string;
  readonly stream: StreamName;
  readonly upTo: number;
}

export interface Marked {
  /** How the one stream that was named is marked now; null for all. */
  readonly mark: Mark | null;
  /** Of the user's own stream, in that commit. */
  readonly rev: number;
}

/** The user doesn't follow the stream; or the mark would have more than 256 single ones. Nothing was changed. */
export type NotMarked = "not-followed" | "too-many";

/** How a user stands with one of the streams that they follow. */
export interface UnreadStream {
  readonly stream: StreamName;
  /** Rows up to `head` that count, are kept, the user's, and neither read nor archived. */
  readonly count: number;
  /** Of those, the ones beyond what was seen. */
  readonly unseen: number;
  readonly head: number;
  readonly read: Mark;
  readonly archive: Mark;
}

/** True for the heads of its streams and for `rev` of the user's own stream. */
export interface Unread {
  readonly epoch: number;
  readonly rev: number;
  readonly total: number;
  readonly unseen: number;
  /** The user's own first, then the topics in order of their names. */
  readonly streams: readonly UnreadStream[];
}

export interface PositionsDriver {
  /** Replaces the positions of at most 1,000 devices. A user keeps at most 32 devices; the longest unseen goes. */
  saveDevices(positions: readonly DevicePosition[]): Promise<void>;
  findDevice(user: string, device: string): Promise<string | null>;
  /**
   * Records a receipt for each row up to `upTo` that asked for one (`receipt`) and that the user hasn't
   * acknowledged before; for a topic only rows behind the user's `since`. At most 1,000 acknowledgements.
   */
  acknowledge(acknowledgements: readonly Acknowledgement[]): Promise<void>;
  /** Who has received a notification: how many, and at most `limit` (0 to 1,000) of them, the first first. */
  receipts(
    stream: StreamName,
    seq: number,
    limit: number,
  ): Promise<{
    readonly total: number;
    readonly users: readonly { readonly user: string; readonly at: number }[];
  }>;

  /**
   * Marks what the user has read, archived or seen, of streams that they follow: their own, or a subscription's.
   * - Up to a place: what lies beyond the head is cut to it. Everything up to there is marked, whatever single ones
   *   said, and a place never falls by it. `seen` has this alone.
   * - Single ones, 1 to 256, and back (`undo`): seqs beyond the head, not kept, or from before the user followed are
   *   passed over; a tombstone may be marked, which changes no count. Those that touch the place fold into it, also
   *   downwards. At most 256 of a stream stay single.
   * - All: each stream up to its head at the call.
   *
   * Where something moved, the `rev` of the user's own stream rises in the same commit; where nothing did, nothing
   * changes. Marks of other users and kinds are never touched. Marks outlive a subscription, but what is subscribed to
   * again begins at its head, beyond all of them.
   */
  mark(user: string, kind: MarkKind, change: MarkChange): Promise<Marked | NotMarked>;
  /**
   * What the user has not read, computed from the rows and the marks in one consistent view, never kept beside
   * them. For each stream: rows beyond `since` that are kept, less those that are read, archived, silent, tombstones,
   * or expired by now. The cost grows with single marks and with the rows that don't count, not with those that do.
   */
  unread(user: string): Promise<Unread>;
}
