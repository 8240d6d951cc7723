import { partOf } from "@carillon/protocol/partition";
import type { StreamName } from "@carillon/protocol/stream";
import { Failure } from "../../errors.ts";
import { movedState, sqlstateOf, unavailable } from "./failure.ts";
import type { Shard } from "./shard.ts";

/**
 * The servers of a store. Streams are spread over them by part, and what belongs to a user is where the user's stream
 * is. Which server holds a part is in the servers' data: this map is a memory of it, and every statement about a
 * stream asks its server (`carillon_may_read`, `carillon_may_write`) before it touches anything.
 */
export interface Shards {
  /** What belongs to no stream: access keys, coordination. */
  readonly home: Shard;
  readonly all: readonly Shard[];
  partOf(stream: StreamName): number;
  /** The server that held the stream's part when it was last looked up. */
  of(stream: StreamName): Shard;
  ofPart(part: number): Shard;
  /** By the server of each one's stream. */
  grouped<T>(items: readonly T[], streamOf: (item: T) => StreamName): Map<Shard, T[]>;
  /**
   * Runs `work`, which asks `of` or `grouped` anew each time; when a part had moved, looks up where to and runs it
   * again, once. Rejects with `unavailable` while a part is on its way.
   */
  steady<T>(work: () => Promise<T>): Promise<T>;
}

const onItsWayMs = 250;
const nowhere = Symbol("no server holds the part");
const isNowhere = (error: unknown): boolean => error instanceof Failure && error.cause === nowhere;

/** As Promise.all, but never before all have ended: what the caller does next finds nothing under way. */
export async function allOf<T>(calls: readonly Promise<T>[]): Promise<T[]> {
  const settled = await Promise.allSettled(calls);
  const failed = settled.find((one) => one.status === "rejected");
  if (failed) throw failed.reason;
  return settled.map((one) => (one as PromiseFulfilledResult<T>).value);
}

export async function makeShards(all: readonly Shard[], parts: number): Promise<Shards> {
  let holders = new Map<number, Shard>();
  let reading: Promise<void> | undefined;

  const read = async (): Promise<void> => {
    const found = await Promise.all(
      all.map((shard) =>
        shard.query<{ part: number }>("SELECT part FROM parts WHERE state IN ('here', 'frozen')", []),
      ),
    );
    holders = new Map(found.flatMap((rows, at) => rows.map(({ part }): [number, Shard] => [part, all[at]!])));
  };

  const readAgain = (): Promise<void> => {
    reading ??= read().finally(() => {
      reading = undefined;
    });
    return reading;
  };

  const ofPart = (part: number): Shard => {
    const shard = holders.get(part);
    if (shard) return shard;
    throw new Failure("unavailable", `part ${part} is on none of the servers`, {
      cause: nowhere,
      retryAfterMs: onItsWayMs,
    });
  };

  const of = (stream: StreamName): Shard => ofPart(partOf(stream, parts));

  await read();

  return {
    home: all[0]!,
    all,
    partOf: (stream) => partOf(stream, parts),
    of,
    ofPart,
    grouped(items, streamOf) {
      const groups = new Map<Shard, (typeof items)[number][]>();
      for (const item of items) {
        const shard = of(streamOf(item));
        const group = groups.get(shard);
        if (group) group.push(item);
        else groups.set(shard, [item]);
      }
      return groups;
    },
    async steady(work) {
      for (let again = false; ; again = true) {
        try {
          return await work();
        } catch (error) {
          if (sqlstateOf(error) !== movedState && !isNowhere(error)) throw error;
          if (again) throw unavailable("a part is on its way to another server", error, onItsWayMs);
          await readAgain();
        }
      }
    },
  };
}
