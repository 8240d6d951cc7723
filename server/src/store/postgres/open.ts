import { type Clock, systemClock } from "../../clock.ts";
import type { Failure } from "../../errors.ts";
import type { StoreBackend } from "../store.ts";
import { makeAccess } from "./access.ts";
import { makeCoordination } from "./coordination.ts";
import { makeDirectory } from "./directory.ts";
import { makeErasing } from "./erasing.ts";
import { foundStore } from "./found.ts";
import { makeGrants } from "./grants.ts";
import { migrate } from "./migrate.ts";
import { makePeople } from "./people.ts";
import { makePositions } from "./positions.ts";
import { makeQueries } from "./queries.ts";
import { makeRetention } from "./retention.ts";
import { makeShard } from "./shard.ts";
import { allOf, makeShards } from "./shards.ts";
import { makeStreams } from "./streams.ts";
import { makeDays } from "./upkeep.ts";

export interface PostgresOptions {
  /** postgres://user:password@host:port/database, one for each server of the store; several hosts in one are a server
   * and those that take over from it. */
  readonly urls: readonly string[];
  readonly identityWindowMs: number;
  readonly clock?: Clock;
  /** A call that takes longer rejects with `unavailable`; 5 s by default. The server gives up a little earlier. */
  readonly timeoutMs?: number;
  /** The most connections to each server; 10 by default. */
  readonly connections?: number;
  /** The most calls that wait for a connection; 4,096 by default. */
  readonly queuedCalls?: number;
  /** Of how many parts a new store is; 128 by default. It never changes. */
  readonly parts?: number;
}

/** Changes nothing, and is refused where nothing can be changed. */
const anything = "UPDATE meta SET epoch = epoch WHERE false";

/**
 * Opens the store on its servers: brings their schemas up to date and, where they are new, makes them one store.
 * Rejects with a Failure: `unavailable` when one is away, `foreign` when one isn't of this store or is newer.
 */
export async function openPostgres(options: PostgresOptions): Promise<StoreBackend> {
  const clock = options.clock ?? systemClock;
  const opened = options.urls.map((url) =>
    makeShard({
      url,
      clock,
      timeoutMs: options.timeoutMs ?? 5_000,
      connections: options.connections ?? 10,
      queuedCalls: options.queuedCalls ?? 4_096,
    }),
  );
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= Promise.all(opened.map((shard) => shard.stop())).then(() => {});
    return stopping;
  };
  try {
    await Promise.all(opened.map(migrate));
    await Promise.all(opened.map(makeDays));
    const founded = await foundStore(opened, options.parts ?? 128);
    const shards = await makeShards(founded.shards, founded.parts);
    const erasing = makeErasing(shards, founded.parts);
    return {
      streams: makeStreams(shards, options.identityWindowMs, clock, erasing),
      directory: makeDirectory(shards),
      grants: makeGrants(shards),
      positions: makePositions(shards),
      access: makeAccess(shards),
      coordination: makeCoordination(shards),
      queries: makeQueries(shards),
      people: makePeople(shards, erasing),
      retention: makeRetention(shards, options.identityWindowMs),
      parts: founded.parts,
      async ask() {
        await allOf(opened.map(({ query }) => query(anything, [])));
      },
      failed: new Promise<Failure>(() => {}),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
