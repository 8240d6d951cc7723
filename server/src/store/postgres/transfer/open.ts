import { systemClock } from "../../../clock.ts";
import type { TransferSource, TransferTarget } from "../../transfer.ts";
import { foundStore } from "../found.ts";
import { migrate } from "../migrate.ts";
import { makeShard, type Shard } from "../shard.ts";
import { allOf, makeShards, type Shards } from "../shards.ts";
import { bulk, makePages } from "./pages.ts";
import { makePuts } from "./puts.ts";
import { openSnapshot } from "./snapshot.ts";
import { makeSums } from "./sums.ts";

export interface PostgresTransferOptions {
  /** As those of the store. */
  readonly urls: readonly string[];
  readonly connections: number;
  readonly parts: number;
}

interface Opened {
  /** In the order of their numbers, home first. */
  readonly urls: readonly string[];
  readonly shards: readonly Shard[];
  readonly parts: number;
  stop(): Promise<void>;
}

async function open({ urls, connections, parts }: PostgresTransferOptions): Promise<Opened> {
  const opened = urls.map((url) =>
    makeShard({ url, clock: systemClock, timeoutMs: 10_000, connections, queuedCalls: 4_096 }),
  );
  const stop = async (): Promise<void> => void (await allOf(opened.map((shard) => shard.stop())));
  try {
    await allOf(opened.map(migrate));
    const founded = await foundStore(opened, parts);
    const ordered = founded.shards.map((shard) => urls[opened.indexOf(shard)]!);
    return { urls: ordered, shards: founded.shards, parts: founded.parts, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Host, port and database of the home server; how many more. */
function nameOf(urls: readonly string[]): string {
  const one = urls[0]!.replace(/^(postgres(?:ql)?:\/\/)(?:[^@/?]*@)?([^?]*).*$/, "$1$2");
  return urls.length === 1 ? one : `${one} and ${urls.length - 1} more`;
}

function sourceOf(shards: Shards, urls: readonly string[]): Omit<TransferSource, "keepsPlaces" | "close"> {
  const { home } = shards;
  return {
    name: nameOf(urls),
    ...makePages(shards),
    ...makeSums(shards),
    epoch: async () => (await home.query<{ epoch: number }>("SELECT epoch FROM meta", []))[0]!.epoch,
    fact: async (name) =>
      (await home.query<{ value: string }>("SELECT value FROM facts WHERE name = $1", [name]))[0]?.value ??
      null,
    async amend(name, value) {
      await home.query(
        "INSERT INTO facts VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
        [name, value],
      );
    },
  };
}

/** Rejects as `openPostgres` does. New servers are made one store. */
export async function openPostgresTarget(options: PostgresTransferOptions): Promise<TransferTarget> {
  const { urls, shards: opened, parts, stop } = await open(options);
  const shards = await makeShards(opened, parts);
  const { home, all } = shards;
  const onAll = async (sql: string, values: readonly unknown[] = []): Promise<void> =>
    void (await allOf(all.map((shard) => shard.query(sql, values, bulk))));
  return {
    ...sourceOf(shards, urls),
    keepsPlaces: true,
    async agree(name, value) {
      await home.query("INSERT INTO facts VALUES ($1, $2) ON CONFLICT (name) DO NOTHING", [name, value]);
      const [row] = await home.query<{ value: string }>("SELECT value FROM facts WHERE name = $1", [name]);
      return row!.value;
    },
    begin: (epoch) => onAll("UPDATE meta SET epoch = $1 WHERE epoch <> $1", [epoch]),
    put: makePuts(shards),
    async finish() {
      await onAll(`
        INSERT INTO topic_followers(topic_id, part, count)
        SELECT topic_id, part, count(*) FROM subscriptions GROUP BY topic_id, part
        ON CONFLICT (topic_id, part) DO UPDATE SET count = excluded.count`);
      await onAll("ANALYZE streams, notifications, topics, subscriptions, marks, devices, receipts");
    },
    close: stop,
  };
}

/** A store as it is now, whoever serves it meanwhile; each server at almost the same moment. */
export async function openPostgresSource(options: PostgresTransferOptions): Promise<TransferSource> {
  const { urls, parts, stop } = await open(options);
  await stop();
  const snapshots = await Promise.all(urls.map(openSnapshot));
  const shards = await makeShards(snapshots, parts);
  return {
    ...sourceOf(shards, urls),
    keepsPlaces: false,
    close: async () => void (await allOf(snapshots.map((snapshot) => snapshot.stop()))),
  };
}
