/**
 * The log port's driver: where accepted notifications wait for the director.
 *
 * - **Durable.** An append that resolved survives any crash. One that rejected is unknown: the caller says 503,
 *   "send the same id again", and identity makes that safe.
 * - **Order.** The records of one part are consumed in the order in which their appends resolved, and records
 *   of one append in their order. Across parts there is no order.
 * - **At least once.** A consumer that crashed sees records again from the place it gives to `consume`.
 * - **One consumer a part** at a time is meant; a second one is kept harmless by the store's compare-and-set.
 * - **Batches** close when the one before is done: no driver waits idle to fill one.
 */
import type { StreamName } from "@carillon/protocol/stream";
import type { Failure } from "../errors.ts";
import type { Outcome } from "../store/streams.ts";

/** One notification for one stream, on its way. All JSON values, so that any log can carry it. */
export interface LogRecord {
  readonly stream: StreamName;
  readonly key: string;
  readonly digest: string;
  readonly silent: boolean;
  readonly collapseKey: string | null;
  readonly expiresAt: number | null;
  readonly receipt: boolean;
  /** When the receiver accepted it, in milliseconds since the epoch. */
  readonly acceptedAt: number;
  /** The CloudEvent as JSON text. */
  readonly body: string;
}

/**
 * `settled`: the director has committed it and this is what became of it. `appended`: it is durable in the log,
 * and what becomes of it is asked for by its id.
 */
export type Appended =
  | { readonly state: "settled"; readonly outcome: Outcome }
  | { readonly state: "appended" };

export interface LogBatch {
  readonly part: number;
  /** Null where the log keeps no offsets. */
  readonly progress: { readonly from: string; readonly to: string } | null;
  readonly records: readonly LogRecord[];
  readonly rejected: readonly { readonly reason: string; readonly record: string; readonly offset: string }[];
}

/** Commits a batch. Resolves with one outcome a record, in their order; rejects when nothing is known. */
export type Consumer = (batch: LogBatch) => Promise<readonly Outcome[]>;

/** Of one part; offsets are decimal integers that fit 64 bits. */
export interface Place {
  /** The oldest offset kept, and the next to be written. */
  readonly first: string;
  readonly end: string;
  /** What `witness` was told last, by any process; null when never. */
  readonly witnessed: string | null;
}

export interface Consumption {
  /** Resolves when the batch under way is done and no other comes; not awaited from within the consumer. */
  stop(): Promise<void>;
  /** Resolves, if ever, when the log can't go on by itself: `from` isn't in it any more. Nothing more is fed then. */
  readonly failed: Promise<Failure>;
}

export interface LogDriver {
  /** The number of parts, fixed when the log was made. */
  readonly parts: number;
  start(): Promise<void>;
  /** Lets what is under way finish; rejects what comes later with `Failure("stopped")`. */
  stop(): Promise<void>;
  /**
   * Resolves when all records are durable, with one answer for each in their order. Rejects with
   * `Failure("overloaded")` when more waits than the driver's bound, with `unavailable` when nothing is known.
   */
  append(records: readonly LogRecord[]): Promise<readonly Appended[]>;
  /**
   * Feeds a part's batches to `consumer`, one at a time, from offset `from` (null: the start, or the log keeps
   * none). When the consumer rejects, a log without offsets rejects the appends of that batch and goes on; a log
   * that keeps offsets feeds nothing more: its consumer is stopped and consumes again from the place it wants.
   * A log that is away for a while is waited for.
   */
  consume(part: number, from: string | null, consumer: Consumer): Promise<Consumption>;
  /** Null where the log keeps no offsets. Rejects with `unavailable`. */
  place(part: number): Promise<Place | null>;
  /**
   * The store has committed everything before `next`. Kept with the log and outside the store, so that a store that
   * was restored to an earlier day is noticed; also what lag is measured by. May be written late, at most a few
   * seconds; never throws, never blocks. Does nothing where the log keeps no offsets.
   */
  witness(part: number, next: string): void;
}
