/**
 * The positions port: what the server stores of readers.
 *
 * Contract for drivers: durable when resolved; reads that begin afterwards see it. Failures are those of the
 * streams port. Writes are batched by the caller, but for `read`: calls made meanwhile share a commit.
 */
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

/** What a user has read of a stream, and the rev of the user's own stream in that commit. */
export interface ReadMark {
  /** 0 when nothing was ever read. */
  readonly readSeq: number;
  readonly rev: number;
}

/** How a user stands with one of the streams that they follow. */
export interface UnreadStream {
  readonly stream: StreamName;
  /** Rows up to `head` that count, behind what was read, what the user follows from, and what is kept. */
  readonly count: number;
  readonly head: number;
  readonly readSeq: number;
}

/** True for the heads of its streams and for `rev` of the user's own stream. */
export interface Unread {
  readonly epoch: number;
  readonly rev: number;
  readonly total: number;
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
   * The user has read a stream that they follow (their own, or a subscription's) up to `upTo`; what lies beyond
   * the head is cut to it. The larger wins for ever. Where it moved, the `rev` of the user's own stream rises in
   * the same commit; where it didn't, nothing changes. Null: the user doesn't follow the stream.
   */
  read(user: string, stream: StreamName, upTo: number): Promise<ReadMark | null>;
  /**
   * What the user has not read, computed from the rows and the marks in one consistent view, never kept beside
   * them. For each stream: rows with seq > max(read mark, since, first kept - 1), less those that are silent,
   * tombstones, or expired by now. The cost grows with the rows that don't count, not with those that do.
   */
  unread(user: string): Promise<Unread>;
}
