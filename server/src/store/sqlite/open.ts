import { accessSync, closeSync, constants, existsSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Clock, systemClock } from "../../clock.ts";
import type { Failure } from "../../errors.ts";
import type { StoreBackend } from "../store.ts";
import { makeAccess } from "./access.ts";
import { type ChannelOptions, makeChannel } from "./channel.ts";
import { makeCoordination } from "./coordination.ts";
import { makeDirectory } from "./directory.ts";
import { failureOf, failureValueOf } from "./failure.ts";
import { makeGrants } from "./grants.ts";
import { lockDirectory } from "./lock.ts";
import { makePeople } from "./people.ts";
import { makePositions } from "./positions.ts";
import { makeQueries } from "./queries.ts";
import type { ReaderCalls } from "./reader/worker.ts";
import { makeRetention } from "./retention.ts";
import { makeStreams } from "./streams.ts";
import type { WorkerSettings } from "./wire.ts";
import type { WriterCalls } from "./writer/worker.ts";

export interface SqliteOptions {
  /** Made when it doesn't exist. One process at a time may have it open. */
  readonly directory: string;
  readonly identityWindowMs: number;
  readonly clock?: Clock;
  /** A group of calls that isn't answered for so long means that the worker hangs; 10 s by default. */
  readonly hangMs?: number;
  /** How long a worker may take to open (60 s by default) and to end (5 s). */
  readonly startMs?: number;
  readonly endMs?: number;
  /** The most calls that wait for a worker; 4,096 by default. */
  readonly queuedCalls?: number;
  /** Pages in memory: 64 MB for the writer, 32 MB for the reader. */
  readonly writerCacheBytes?: number;
  readonly readerCacheBytes?: number;
  /** Streams that the writer knows without asking; 200,000 by default, about 200 bytes each. */
  readonly cachedStreams?: number;
  readonly random?: () => number;
  /** A group of calls was committed; called once a group. */
  readonly committed?: (calls: number, tookMs: number) => void;
  /** A worker died or hung and is started again. */
  readonly restarting?: (reason: Failure) => void;
  /** ... and is there again. */
  readonly restarted?: () => void;
  /** The write-ahead log wasn't copied, and grows until it is; tried again with the commits that follow. */
  readonly checkpointFailed?: (reason: Failure) => void;
  readonly faults?: SharedArrayBuffer;
}

const dataFile = "carillon.db";
const mebibyte = 1 << 20;

function makeDirectoryDurably(directory: string): void {
  const made = mkdirSync(directory, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  const parent = openSync(dirname(made), "r");
  fsyncSync(parent);
  closeSync(parent);
}

/** SQLite would open a file that can't be written, and refuse every write later. */
function mustBeWritable(...paths: readonly string[]): void {
  for (const path of paths) if (existsSync(path)) accessSync(path, constants.R_OK | constants.W_OK);
}

/**
 * Opens the store in a directory and takes it for this process. Rejects with a Failure: `locked` when another
 * process has it, `foreign`, `corrupt`, `full`, `read-only`.
 */
export async function openSqlite(options: SqliteOptions): Promise<StoreBackend> {
  const { directory, identityWindowMs, restarting = () => {}, restarted = () => {} } = options;
  let lock: { release(): void };
  try {
    makeDirectoryDurably(directory);
    mustBeWritable(directory, join(directory, dataFile));
    lock = lockDirectory(join(directory, "lock.db"));
  } catch (error) {
    throw failureOf(failureValueOf(error), error);
  }
  let failed = (_: Failure): void => {};
  const failure = new Promise<Failure>((resolve) => {
    failed = resolve;
  });
  const settings = (cacheBytes: number): WorkerSettings => ({
    file: join(directory, dataFile),
    identityWindowMs,
    cacheBytes,
    cachedStreams: options.cachedStreams ?? 200_000,
    faults: options.faults,
  });
  const shared: Omit<ChannelOptions, "name" | "script" | "settings" | "groupCalls"> = {
    clock: options.clock ?? systemClock,
    hangMs: options.hangMs ?? 10_000,
    startMs: options.startMs ?? 60_000,
    endMs: options.endMs ?? 5_000,
    queuedCalls: options.queuedCalls ?? 4_096,
    random: options.random ?? Math.random,
    restarting,
    restarted,
    troubled: options.checkpointFailed ?? (() => {}),
    failed,
  };
  const writer = makeChannel<WriterCalls>({
    ...shared,
    name: "writer",
    script: new URL("./writer/worker.ts", import.meta.url),
    settings: settings(options.writerCacheBytes ?? 64 * mebibyte),
    groupCalls: 256,
    ...(options.committed ? { grouped: options.committed } : {}),
  });
  const reader = makeChannel<ReaderCalls>({
    ...shared,
    name: "reader",
    script: new URL("./reader/worker.ts", import.meta.url),
    settings: settings(options.readerCacheBytes ?? 32 * mebibyte),
    groupCalls: 32,
  });
  const stop = async (): Promise<void> => {
    await writer.stop(reader.stop());
    lock.release();
  };
  try {
    await writer.start();
    await reader.start();
  } catch (error) {
    await stop();
    throw error;
  }
  let stopping: Promise<void> | undefined;
  const streams = makeStreams(writer, reader);
  return {
    streams,
    directory: makeDirectory(writer, reader),
    grants: makeGrants(writer, reader),
    positions: makePositions(writer, reader),
    access: makeAccess(writer, reader),
    retention: makeRetention(writer, reader),
    coordination: makeCoordination(writer, reader),
    queries: makeQueries(reader),
    people: makePeople(writer, reader),
    parts: 1,
    failed: failure,
    async ask() {
      await Promise.all([streams.heads([]), streams.upkeep(1)]);
    },
    stop() {
      stopping ??= stop();
      return stopping;
    },
  };
}
