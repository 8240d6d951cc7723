/**
 * The streams port: ordered logs of notifications, and the identity of what is in them.
 *
 * Contract for drivers. The conformance suite in `conformance/streams.ts` holds every backend to it.
 *
 * - **Seqs.** A stream's seqs are 1..head without holes. `head` never falls: not when rows are trimmed, not when
 *   the stream is emptied or closed, not when its user is erased and something new comes. A stream that nobody has written to has head 0 and needs no creation.
 * - **Parts.** A stream is of part `partOf(stream, parts)`. A batch with `progress` is of streams of its part alone;
 *   one without may be of any.
 * - **Whole or not at all.** `apply` commits all of a batch or nothing of it; of a batch without `progress`, all or
 *   nothing of each part. What it resolved with is durable: it survives the death of the process and of the machine.
 * - **Visibility.** A row, a head or a rev read by any other method is committed. After `apply` has resolved,
 *   reads that begin see its rows.
 * - **One writer.** `apply` is called for one part by one caller at a time; a driver need not order concurrent
 *   calls, but may never number two rows the same. Reads run concurrently with writes and with each other.
 * - **Blocking.** No call blocks the event loop for more than a few milliseconds. A backend that is away or
 *   hangs makes a call reject with `Failure("unavailable")` in a bounded time; the effect is then unknown, and
 *   the caller repeats: identity (or `progress`) makes that safe.
 * - **Time** is the backend's clock, in milliseconds.
 */
import type { StreamName } from "@carillon/protocol/stream";

/** How a row counts: 0 counts as unread, 1 is silent, 2 is a tombstone (no body, never shown). */
export const Kind = { counted: 0, silent: 1, tombstone: 2 } as const;
export type Kind = (typeof Kind)[keyof typeof Kind];

/** One notification for one stream, as the director hands it over. */
export interface StreamRecord {
  readonly stream: StreamName;
  /** base64url of the first 16 bytes of sha256(source, NUL, id): 22 characters. */
  readonly key: string;
  /** base64url of the first 16 bytes of the content's digest: 22 characters. */
  readonly digest: string;
  readonly kind: typeof Kind.counted | typeof Kind.silent;
  readonly collapseKey: string | null;
  readonly expiresAt: number | null;
  /** The producer wants to know when it was received. */
  readonly receipt: boolean;
  /** When the receiver accepted it, by its clock. Where the log keeps offsets, the identity window is measured by it. */
  readonly acceptedAt: number;
  /** The CloudEvent as JSON text, at most 64 KB in UTF-8. */
  readonly body: string;
}

/** A record of the log that can't be used, set aside so that its part goes on. */
export interface Rejected {
  readonly reason: string;
  readonly record: string;
  readonly offset: string;
}

export interface Batch {
  readonly part: number;
  /**
   * Where the part's log stands before and after this batch; null where the log keeps no offsets (inline). A part
   * without a place stands at "0", and nowhere else: a store that went back to before its first batch has none again.
   */
  readonly progress: { readonly from: string; readonly to: string } | null;
  /** At most 2,000, in log order. */
  readonly records: readonly StreamRecord[];
  readonly rejected: readonly Rejected[];
}

/**
 * What became of one record.
 * - `stored`: it has this seq now.
 * - `duplicate`: the same key with the same digest is already there, under this seq; nothing changed.
 * - `conflict`: the same key with another digest is there, under this seq; nothing changed.
 * - `closed`: the stream's topic was deleted, or, with `progress`, the user was erased after it was accepted; nothing
 *   changed.
 * - `rejected`: the backend can't store it, whatever was checked before; it is set aside, the others went on.
 * The first of several equal keys within a batch wins. Keys are compared within the identity window: one that
 * was stored longer ago is forgotten and stored anew. With `progress` the window lies between the times at which the
 * records were accepted, so that a log that is read again gives the same seqs whatever the clock says then; a backend
 * whose logs keep no offsets may go by its clock.
 */
export type Outcome =
  | { readonly status: "stored" | "duplicate" | "conflict"; readonly seq: number }
  | { readonly status: "closed" }
  | { readonly status: "rejected" };

export interface Applied {
  /** False: `progress.from` wasn't the part's place any more, somebody else moved on, nothing was written. */
  readonly owned: boolean;
  /** One for each record, in their order; empty when not owned. */
  readonly outcomes: readonly Outcome[];
  /** When the rows were committed, by the backend's clock. */
  readonly committedAt: number;
}

/** One place in a stream. Rows are immutable values; a tombstone has no body. */
export interface Row {
  readonly seq: number;
  readonly kind: Kind;
  readonly expiresAt: number | null;
  readonly receipt: boolean;
  readonly body: string | null;
}

export interface Page {
  /** The oldest seq that is kept; `head + 1` when nothing is. */
  readonly first: number;
  readonly head: number;
  /**
   * Contiguous and ascending, from max(after + 1, first); at most `limit` rows and about 1 MB of bodies, at
   * least one where there is one. Expired rows are given as they are: the reader looks at `expiresAt`.
   */
  readonly rows: readonly Row[];
}

export interface Head {
  readonly head: number;
  readonly first: number;
  /** Raised by everything about the stream that isn't a new row: subscriptions, reads, state, take-backs. */
  readonly rev: number;
  /** The newest kept seq that asked for a receipt; 0 when none did. */
  readonly receiptSeq: number;
}

export interface Heads {
  /** Raised when a backup is opened as live: seqs of another epoch mean nothing here. */
  readonly epoch: number;
  /** One for each name asked for, in that order. */
  readonly heads: readonly Head[];
}

/** One notification found by its identity. `kind` is tombstone when it was taken back, collapsed or has expired. */
export interface Found {
  readonly seq: number;
  readonly kind: Kind;
  readonly digest: string;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly receipt: boolean;
}

export interface StreamsDriver {
  /** Numbers and stores a batch; see the contract above. Collapsed predecessors become tombstones in the same commit. */
  apply(batch: Batch): Promise<Applied>;

  /** The rows behind `after` (0 from the start); `limit` from 1 to 256. */
  read(stream: StreamName, after: number, limit: number): Promise<Page>;

  /** Heads of at most 1,000 streams, those of a part from one consistent view. Unknown streams are {head: 0, first: 1, rev: 0, receiptSeq: 0}. */
  heads(streams: readonly StreamName[]): Promise<Heads>;

  /** A notification by identity; null when unknown, trimmed away or beyond the window. */
  find(stream: StreamName, key: string): Promise<Found | null>;

  /**
   * Takes a notification back: its row becomes a tombstone, the stream's rev rises. Null when there is no such
   * identity; the same answer again when it is a tombstone already. Durable when resolved.
   */
  withdraw(stream: StreamName, key: string): Promise<{ readonly seq: number; readonly rev: number } | null>;

  /** Deletes the rows up to and including `upTo` (never beyond head). The head stays. */
  trim(stream: StreamName, upTo: number): Promise<void>;

  /**
   * One bounded step of upkeep, at most `limit` rows: expired rows become tombstones, identities beyond the
   * window are forgotten. Says how many rows it touched; fewer than `limit` means that nothing is left to do.
   */
  upkeep(limit: number): Promise<number>;

  /** The next offset of a part; null where the log keeps none or the part is new. */
  progress(part: number): Promise<string | null>;
}
