import type { Clock } from "../../../clock.ts";
import { Failure } from "../../../errors.ts";
import { foundStore } from "../found.ts";
import { migrate } from "../migrate.ts";
import { makeShard } from "../shard.ts";
import { allOf } from "../shards.ts";
import { type MoveProgress, movePart } from "./move.ts";
import { spread } from "./spread.ts";

/** The servers of a store, as who moves parts between them sees them. */
export interface Servers {
  /** In the order of their numbers. */
  readonly urls: readonly string[];
  readonly parts: number;
  /** Which server has each part that is somewhere. */
  holders(): Promise<ReadonlyMap<number, number>>;
  /** What has to move so that every server has its even share; rejects when a part is on its way. */
  spread(): Promise<readonly { readonly part: number; readonly to: number }[]>;
  move(
    part: number,
    to: number,
    signal: AbortSignal,
    tell: (progress: MoveProgress) => void,
  ): Promise<"moved" | "there">;
  stop(): Promise<void>;
}

const timeoutMs = 10_000;
const queuedCalls = 1_000;

/** Rejects as `openPostgres` does. A server that is new to the store joins it. */
export async function openServers(
  urls: readonly string[],
  connections: number,
  parts: number,
  clock: Clock,
): Promise<Servers> {
  const opened = urls.map((url) => makeShard({ url, clock, timeoutMs, connections, queuedCalls }));
  const stop = async (): Promise<void> => void (await allOf(opened.map((shard) => shard.stop())));
  try {
    await allOf(opened.map(migrate));
    const founded = await foundStore(opened, parts);
    const { shards } = founded;
    const holders = async (): Promise<ReadonlyMap<number, number>> => {
      const found = await allOf(
        shards.map((shard) =>
          shard.query<{ part: number }>("SELECT part FROM parts WHERE state IN ('here', 'frozen')", []),
        ),
      );
      return new Map(
        found.flatMap((rows, server) => rows.map(({ part }): [number, number] => [part, server])),
      );
    };
    return {
      urls: shards.map((shard) => urls[opened.indexOf(shard)]!),
      parts: founded.parts,
      holders,
      async spread() {
        const found = await holders();
        if (found.size < founded.parts) {
          throw new Failure("unavailable", "a part is on its way to another server: move it there first");
        }
        return spread(found, shards.length);
      },
      move: (part, to, signal, tell) => movePart({ part, shards, to, signal, tell }),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}
