/**
 * The embedded log: nothing is written twice. An append goes straight to the director and returns when the
 * director has committed it; what arrives while a batch is under way forms the next one. It keeps no offsets:
 * after a crash there is nothing to read again, because nothing was accepted that wasn't committed.
 */
import type { Clock } from "../clock.ts";
import { Failure } from "../errors.ts";
import type { Outcome } from "../store/streams.ts";
import type { Appended, Consumer, LogDriver, LogRecord } from "./driver.ts";

export interface InlineLogOptions {
  readonly clock: Clock;
  /** The most that one batch holds; by default 2,000 records and 4 MB. A single record may be larger. */
  readonly batchRecords?: number;
  readonly batchBytes?: number;
  /** The most that waits, batch under way included; by default 20,000 records and 64 MB. */
  readonly queueRecords?: number;
  readonly queueBytes?: number;
}

/** What a record weighs beside its body: names, digests and bookkeeping, roughly. */
const overheadBytes = 256;
const retryAfterMs = 1_000;

interface Entry {
  readonly answers: Appended[];
  piecesLeft: number;
  failed: boolean;
  readonly resolve: (answers: readonly Appended[]) => void;
  readonly reject: (failure: Failure) => void;
}

/** The records of one append that travel in one batch: all of them, unless they are more than a batch holds. */
interface Piece {
  readonly entry: Entry;
  readonly records: readonly LogRecord[];
  readonly bytes: number;
}

const asFailure = (error: unknown): Failure =>
  error instanceof Failure
    ? error
    : new Failure("unavailable", "the batch was not committed", { cause: error });

export function makeInlineLog(options: InlineLogOptions): LogDriver {
  const {
    clock,
    batchRecords = 2_000,
    batchBytes = 4 << 20,
    queueRecords = 20_000,
    queueBytes = 64 << 20,
  } = options;
  let queue: Piece[] = [];
  let waitingRecords = 0;
  let waitingBytes = 0;
  let consumer: Consumer | undefined;
  let running: Promise<void> | undefined;
  let due = false;
  let stopped = false;

  const cut = (records: readonly LogRecord[]): Omit<Piece, "entry">[] => {
    const pieces: Omit<Piece, "entry">[] = [];
    let from = 0;
    let bytes = 0;
    for (let at = 0; at < records.length; at++) {
      const size = Buffer.byteLength(records[at]!.body) + overheadBytes;
      if (at > from && (at - from === batchRecords || bytes + size > batchBytes)) {
        pieces.push({ records: records.slice(from, at), bytes });
        from = at;
        bytes = 0;
      }
      bytes += size;
    }
    pieces.push({ records: from === 0 ? records : records.slice(from), bytes });
    return pieces;
  };

  const take = (): Piece[] => {
    let records = 0;
    let bytes = 0;
    let count = 0;
    for (const piece of queue) {
      const fits = records + piece.records.length <= batchRecords && bytes + piece.bytes <= batchBytes;
      if (count > 0 && !fits) break;
      records += piece.records.length;
      bytes += piece.bytes;
      count++;
    }
    const taken = queue.slice(0, count);
    queue = queue.slice(count);
    return taken;
  };

  const leave = (pieces: readonly Piece[]): void => {
    for (const piece of pieces) {
      waitingRecords -= piece.records.length;
      waitingBytes -= piece.bytes;
    }
  };

  const settle = (pieces: readonly Piece[], outcomes: readonly Outcome[]): void => {
    let at = 0;
    for (const { entry, records } of pieces) {
      for (const end = at + records.length; at < end; at++) {
        entry.answers.push({ state: "settled", outcome: outcomes[at]! });
      }
      if (--entry.piecesLeft === 0) entry.resolve(entry.answers);
    }
  };

  /** The rest of an append that failed is not worth committing: its caller sends all of it again. */
  const fail = (pieces: readonly Piece[], failure: Failure): void => {
    for (const { entry } of pieces) {
      entry.failed = true;
      entry.reject(failure);
    }
    leave(queue.filter(({ entry }) => entry.failed));
    queue = queue.filter(({ entry }) => !entry.failed);
  };

  const run = async (mine: Consumer): Promise<void> => {
    while (consumer === mine && queue.length > 0) {
      const pieces = take();
      const records = pieces.length === 1 ? pieces[0]!.records : pieces.flatMap((piece) => piece.records);
      try {
        const outcomes = await mine({ part: 0, progress: null, records, rejected: [] });
        if (outcomes.length !== records.length) throw new Error("a batch must be answered record by record");
        settle(pieces, outcomes);
      } catch (error) {
        fail(pieces, asFailure(error));
      }
      leave(pieces);
    }
    running = undefined;
    wake();
  };

  const go = (): void => {
    if (consumer && !running && queue.length > 0) running = run(consumer);
  };

  const wake = (): void => {
    if (due || running || !consumer || queue.length === 0) return;
    due = true;
    // At the end of the turn, so that what arrives together is committed together.
    clock.soon(() => {
      due = false;
      go();
    });
  };

  const rejectQueue = (): void => {
    const pieces = queue;
    queue = [];
    leave(pieces);
    for (const { entry } of pieces) entry.reject(new Failure("stopped", "the log is stopping"));
  };

  return {
    parts: 1,

    start: async () => {},

    async stop() {
      stopped = true;
      go();
      while (running) {
        await running;
        go();
      }
      rejectQueue();
    },

    append(records) {
      if (records.length === 0) return Promise.resolve([]);
      if (stopped) return Promise.reject(new Failure("stopped", "the log is stopping"));
      const pieces = cut(records);
      const bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
      const full = waitingRecords + records.length > queueRecords || waitingBytes + bytes > queueBytes;
      if (full && waitingRecords > 0) {
        return Promise.reject(new Failure("overloaded", "too much waits to be stored", { retryAfterMs }));
      }
      waitingRecords += records.length;
      waitingBytes += bytes;
      return new Promise((resolve, reject) => {
        const entry: Entry = { answers: [], piecesLeft: pieces.length, failed: false, resolve, reject };
        for (const piece of pieces) queue.push({ entry, ...piece });
        wake();
      });
    },

    async consume(part, from, next) {
      if (part !== 0 || from !== null) throw new Error("the inline log has one part and keeps no offsets");
      if (consumer) throw new Error("the part has a consumer");
      consumer = next;
      wake();
      return {
        async stop() {
          if (consumer === next) consumer = undefined;
          await running;
        },
        failed: new Promise(() => {}),
      };
    },

    place: async () => null,
    witness: () => {},
  };
}
