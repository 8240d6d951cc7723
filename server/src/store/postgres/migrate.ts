import { Failure } from "../../errors.ts";
import { sql as parts } from "./migrations/0001-parts.ts";
import { sql as streams } from "./migrations/0002-streams.ts";
import { sql as people } from "./migrations/0003-people.ts";
import { sql as apply } from "./migrations/0004-apply.ts";
import { sql as reads } from "./migrations/0005-reads.ts";
import { sql as upkeep } from "./migrations/0006-upkeep.ts";
import { sql as inbox } from "./migrations/0007-inbox.ts";
import { sql as state } from "./migrations/0008-people.ts";
import { sql as retention } from "./migrations/0009-retention.ts";
import type { Query, Shard } from "./shard.ts";

/**
 * In order, each in a transaction of its own; what was released never changes. A migration must leave the version
 * before able to serve: it adds tables, columns with a default, indexes and functions, and takes away only what the
 * version before didn't use any more. What is large is changed in steps by upkeep, not here.
 */
const migrations: readonly string[] = [parts, streams, people, apply, reads, upkeep, inbox, state, retention];

export const newestSchema = migrations.length;

/** Held by whoever migrates; for the transaction, because a session isn't ours behind PgBouncer. */
const lock = "SELECT pg_advisory_xact_lock(1131572846, -1)";
const migrationMs = 60_000;

async function versionOf(query: Query): Promise<number> {
  // Not to_regclass: it answers from a cache that within a transaction may be older than the lock.
  const [there] = await query<{ found: boolean }>(
    `SELECT EXISTS (
       SELECT FROM pg_class WHERE relname = 'carillon_schema' AND relnamespace = current_schema()::regnamespace
     ) AS found`,
    [],
  );
  if (!there?.found) return 0;
  const [row] = await query<{ version: number }>("SELECT version FROM carillon_schema", []);
  return row?.version ?? 0;
}

function mustBeKnown(version: number): void {
  if (version <= migrations.length) return;
  throw new Failure(
    "foreign",
    `the database has schema ${version}, this program knows up to ${migrations.length}: use a newer one`,
  );
}

const step = async (query: Query): Promise<boolean> => {
  await query(lock, []);
  const version = await versionOf(query);
  mustBeKnown(version);
  const next = migrations[version];
  if (next === undefined) return false;
  if (version === 0) await query("CREATE TABLE carillon_schema(version integer NOT NULL)", []);
  await query(next, []);
  await query(
    version === 0
      ? "INSERT INTO carillon_schema VALUES (1)"
      : "UPDATE carillon_schema SET version = version + 1",
    [],
  );
  return true;
};

/** Brings a server's schema up to date. Several processes may do so at once. */
export async function migrate(shard: Shard): Promise<void> {
  const version = await versionOf(shard.query);
  mustBeKnown(version);
  if (version === migrations.length) return;
  while (await shard.transaction(step, { timeoutMs: migrationMs }));
}
