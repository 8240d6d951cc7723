/**
 * A log with parts and offsets, in memory and without a bound. It sits the exam itself, which keeps the exam's
 * topics on offsets honest where no external log runs, and gives the director's tests something to seek in.
 */
import { partOf } from "@carillon/protocol/partition";
import { Failure } from "../../errors.ts";
import type { Consumer, LogDriver, LogRecord } from "../driver.ts";

interface Reader {
  next: number;
  fed: boolean;
  running: Promise<void> | undefined;
}

const batchRecords = 2_000;
const batchBytes = 4 << 20;

/** What outlives a log's process: the records of each part. */
export type Kept = readonly LogRecord[][];
const witnesses = new WeakMap<Kept, Map<number, string>>();

export const keepNothing = (parts: number): Kept => Array.from({ length: parts }, () => []);

export function makeKeptLog(parts: number, logs: Kept = keepNothing(parts)): LogDriver {
  const readers = new Map<number, () => void>();
  const witnessed = witnesses.get(logs) ?? new Map<number, string>();
  witnesses.set(logs, witnessed);
  const stops: (() => Promise<void>)[] = [];
  let stopped = false;

  const take = (part: number, from: number): LogRecord[] => {
    const taken: LogRecord[] = [];
    let bytes = 0;
    for (const record of logs[part]!.slice(from, from + batchRecords)) {
      bytes += Buffer.byteLength(record.body);
      if (taken.length > 0 && bytes > batchBytes) break;
      taken.push(record);
    }
    return taken;
  };

  return {
    parts,
    start: async () => {},

    async stop() {
      stopped = true;
      await Promise.all(stops.map((stop) => stop()));
    },

    async append(records) {
      if (stopped) throw new Failure("stopped", "the log is stopping");
      for (const record of records) logs[partOf(record.stream, parts)]!.push(record);
      for (const wake of readers.values()) wake();
      return records.map(() => ({ state: "appended" }));
    },

    async consume(part: number, from: string | null, consumer: Consumer) {
      const reader: Reader = { next: Number(from ?? 0), fed: true, running: undefined };
      const run = async (): Promise<void> => {
        await undefined;
        while (reader.fed) {
          const records = take(part, reader.next);
          if (records.length === 0) break;
          const to = reader.next + records.length;
          try {
            const progress = { from: String(reader.next), to: String(to) };
            await consumer({ part, progress, records, rejected: [] });
            reader.next = to;
          } catch {
            reader.fed = false;
          }
        }
        reader.running = undefined;
      };
      const wake = (): void => {
        if (reader.fed) reader.running ??= run();
      };
      const stop = async (): Promise<void> => {
        reader.fed = false;
        if (readers.get(part) === wake) readers.delete(part);
        await reader.running;
      };
      if (reader.next > logs[part]!.length) {
        reader.fed = false;
        const failure = new Failure("diverged", `offset ${from} isn't in the log`);
        return { stop, failed: Promise.resolve(failure) };
      }
      readers.set(part, wake);
      stops.push(stop);
      wake();
      return { stop, failed: new Promise(() => {}) };
    },

    async place(part) {
      return { first: "0", end: String(logs[part]!.length), witnessed: witnessed.get(part) ?? null };
    },
    witness: (part, next) => void witnessed.set(part, next),
  };
}
