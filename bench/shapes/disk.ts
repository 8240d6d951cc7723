/**
 * What a notification of 280 bytes takes on disk: in SQLite, in PostgreSQL (tables and indexes, and beside them what
 * the write-ahead log grows by), in Kafka.
 */
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Client } from "pg";
import { embedded, postgresAndRedis, withKafka } from "../deployments.ts";
import { makeLedger } from "../load/ledger.ts";
import { notify } from "../load/notifications.ts";
import { openProducers } from "../load/producer.ts";
import type { Running } from "../running.ts";
import type { Figure, Shape } from "../shape.ts";
import { pour, randomUsers } from "./accept.ts";

const streams = 10_000;
const count = 60_000;
const batch = 500;
const blockBytes = 512;

/** Bytes by what they are of. */
type Sizes = Readonly<Record<string, number>>;

/** Pages of the database, those that are only in the write-ahead log so far included. */
function sqliteBytes(directory: string): number {
  const file = readdirSync(directory).find((name) => name.endsWith(".db"))!;
  const database = new DatabaseSync(join(directory, file), { readOnly: true });
  const pragma = (name: string): number =>
    Number(Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0]);
  const bytes = (pragma("page_count") - pragma("freelist_count")) * pragma("page_size");
  database.close();
  return bytes;
}

async function postgresBytes(url: string): Promise<Sizes> {
  const client = new Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ kept: string; log: string }>(
    "SELECT pg_database_size(current_database()) AS kept, pg_current_wal_lsn() - '0/0'::pg_lsn AS log",
  );
  await client.end();
  return {
    "PostgreSQL, tables and indexes": Number(rows[0]!.kept),
    "PostgreSQL, write-ahead log": Number(rows[0]!.log),
  };
}

/** Blocks of the topic's files: indexes are allocated sparsely. */
function kafkaBytes({
  dataDirectory,
  topic,
}: {
  readonly dataDirectory: string;
  readonly topic: string;
}): number {
  const partitions = readdirSync(dataDirectory).filter((name) => name.startsWith(`${topic}-`));
  const files = partitions.flatMap((name) =>
    readdirSync(join(dataDirectory, name)).map((file) => join(dataDirectory, name, file)),
  );
  return files.reduce((sum, file) => sum + statSync(file).blocks * blockBytes, 0);
}

async function sizes({ deployment, dataDirectory, backing }: Running): Promise<Sizes> {
  if (deployment === embedded) return { SQLite: sqliteBytes(dataDirectory) };
  const log = backing.kafka === null ? {} : { Kafka: kafkaBytes(backing.kafka) };
  return { ...(await postgresBytes(backing.postgresUrls[0]!)), ...log };
}

export const disk: Shape = {
  name: "disk",
  on: [embedded, postgresAndRedis, withKafka],
  async run(start) {
    const server = await start();
    const ledger = makeLedger();
    const fill = async (): Promise<void> => {
      const producers = await openProducers(4, server);
      await pour(producers, count / batch, (producer) =>
        notify(producer, ledger, randomUsers(batch, streams)),
      );
      await server.committed(ledger.sent());
      for (const producer of producers) producer.close();
    };
    // What is made once is there before: streams, and the first pages of everything.
    await fill();
    const before = await sizes(server);
    await fill();
    const after = await sizes(server);
    const figures = Object.keys(after).map(
      (what): Figure => ({
        name: what,
        value: (after[what]! - before[what]!) / count,
        unit: "bytes a notification",
        beside: "",
      }),
    );
    return { audit: null, figures };
  },
};
