/**
 * Appends: each partition is bound to one of several producers, and an append is answered when all of its records
 * are in Kafka. What isn't answered in time is unknown, and its caller says so; the producer goes on with it all the
 * same, because what comes later for the partition may not overtake it. While a producer is stuck, appends for its
 * partitions are refused at once: nothing queues behind an outage.
 */
import { partOf } from "@carillon/protocol/partition";
import type { Clock } from "../../clock.ts";
import { Failure } from "../../errors.ts";
import type { Appended, LogRecord } from "../driver.ts";
import type { Lane, Piece } from "./lane.ts";
import { encodeRecord } from "./record.ts";
import { batchOverheadBytes, type Message, messageOverheadBytes } from "./record-batch.ts";

export interface ProducersOptions {
  readonly parts: number;
  readonly lanes: readonly Lane[];
  readonly clock: Clock;
  readonly sendRecords: number;
  readonly batchBytes: () => number;
  readonly queueRecords: number;
  readonly queueBytes: number;
  /** How long an append may take. */
  readonly deadlineMs: number;
}

export interface Producers {
  append(records: readonly LogRecord[]): Promise<readonly Appended[]>;
  stop(): Promise<void>;
}

interface Entry {
  readonly dueAt: number;
  piecesLeft: number;
  ended: boolean;
  readonly resolve: () => void;
  readonly reject: (failure: Failure) => void;
}

interface Cut {
  readonly part: number;
  readonly messages: Message[];
  bytes: number;
}

const sweepMs = 250;
const retryAfterMs = 1_000;
const late = "Kafka didn't answer in time; whether it has the notification is unknown";

export function makeProducers(options: ProducersOptions): Producers {
  const { parts, lanes, clock, sendRecords, queueRecords, queueBytes, deadlineMs } = options;
  const entries = new Set<Entry>();
  const owners = new WeakMap<Piece, Entry>();
  let waitingRecords = 0;
  let waitingBytes = 0;
  let cancelSweep: (() => void) | undefined;
  let stopping: Promise<void> | undefined;

  const laneOf = (part: number): Lane => lanes[part % lanes.length]!;

  const cut = (records: readonly LogRecord[]): Cut[] => {
    const mostBytes = options.batchBytes() - batchOverheadBytes;
    const open = new Map<number, Cut>();
    const pieces: Cut[] = [];
    for (const record of records) {
      const part = partOf(record.stream, parts);
      const message = encodeRecord(record);
      const size = message.key.length + message.value.length + messageOverheadBytes;
      let piece = open.get(part);
      if (!piece || piece.messages.length === sendRecords || piece.bytes + size > mostBytes) {
        piece = { part, messages: [], bytes: 0 };
        open.set(part, piece);
        pieces.push(piece);
      }
      piece.messages.push(message);
      piece.bytes += size;
    }
    return pieces;
  };

  const leave = (piece: Cut | Piece): void => {
    waitingRecords -= piece.messages.length;
    waitingBytes -= piece.bytes;
  };

  /** The rest of an append that failed is not worth sending: its caller sends all of it again. */
  const fail = (failed: ReadonlySet<Entry>, failure: Failure): void => {
    for (const entry of failed) {
      entry.ended = true;
      entries.delete(entry);
      entry.reject(failure);
    }
    for (const lane of lanes) {
      lane.withdraw((piece) => {
        const gone = owners.get(piece)?.ended === true;
        if (gone) leave(piece);
        return gone;
      });
    }
  };

  const sweep = (): void => {
    cancelSweep = undefined;
    const now = clock.now();
    const overdue = new Set<Entry>();
    for (const entry of entries) {
      if (entry.dueAt > now) break;
      overdue.add(entry);
    }
    if (overdue.size > 0) fail(overdue, new Failure("unavailable", late, { retryAfterMs }));
    if (entries.size > 0) cancelSweep = clock.after(sweepMs, sweep);
  };

  const settle = (entry: Entry, piece: Cut, failure: Failure | null): void => {
    leave(piece);
    if (entry.ended) return;
    if (failure) return fail(new Set([entry]), failure);
    if (--entry.piecesLeft > 0) return;
    entry.ended = true;
    entries.delete(entry);
    entry.resolve();
  };

  const refusal = (pieces: readonly Cut[], bytes: number): Failure | null => {
    if (pieces.some(({ part }) => laneOf(part).sendingMs() > deadlineMs)) {
      return new Failure("unavailable", "Kafka doesn't answer", { retryAfterMs });
    }
    const records = pieces.reduce((sum, { messages }) => sum + messages.length, 0);
    const full = waitingRecords + records > queueRecords || waitingBytes + bytes > queueBytes;
    if (!full || waitingRecords === 0) return null;
    return new Failure("overloaded", "too much waits to be appended", { retryAfterMs });
  };

  const stop = async (): Promise<void> => {
    let cancel = (): void => {};
    const deadline = new Promise<void>((resolve) => {
      cancel = clock.after(deadlineMs, resolve);
    });
    await Promise.race([Promise.all(lanes.map((lane) => lane.idle())), deadline]);
    cancel();
    cancelSweep?.();
    for (const lane of lanes) lane.abort();
    fail(new Set(entries), new Failure("unavailable", late, { retryAfterMs }));
    await Promise.all(lanes.map((lane) => lane.idle()));
  };

  return {
    append(records) {
      if (records.length === 0) return Promise.resolve([]);
      if (stopping) return Promise.reject(new Failure("stopped", "the log is stopping"));
      const pieces = cut(records);
      const bytes = pieces.reduce((sum, piece) => sum + piece.bytes, 0);
      const refused = refusal(pieces, bytes);
      if (refused) return Promise.reject(refused);
      waitingRecords += records.length;
      waitingBytes += bytes;
      return new Promise((resolve, reject) => {
        const entry: Entry = {
          dueAt: clock.now() + deadlineMs,
          piecesLeft: pieces.length,
          ended: false,
          resolve: () => resolve(records.map((): Appended => ({ state: "appended" }))),
          reject,
        };
        entries.add(entry);
        cancelSweep ??= clock.after(sweepMs, sweep);
        for (const piece of pieces) {
          const sent: Piece = { ...piece, settle: (failure) => settle(entry, piece, failure) };
          owners.set(sent, entry);
          laneOf(piece.part).push(sent);
        }
      });
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}
