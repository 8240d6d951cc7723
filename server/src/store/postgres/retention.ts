import type { RetentionDriver } from "../retention.ts";
import type { Shards } from "./shards.ts";

interface Step {
  readonly removed: number;
  readonly done: boolean;
  /** A day whose streams are trimmed, so that it can go. */
  readonly dayDue: string | null;
}

/** A database that is dropped from takes its time to find what is in its files. */
const dropMs = 60_000;

const retainStatement = `SELECT removed, done, day_due AS "dayDue" FROM carillon_retain($1, $2)`;
const spaceStatement = `
  SELECT pg_database_size(current_database()) AS "sizeBytes", (
    SELECT min(at) FROM (
      SELECT min(until_at) - 86400000 AS at FROM carillon_days()
      UNION ALL SELECT (SELECT created_at FROM notifications_default ORDER BY created_at LIMIT 1)) AS oldest
  ) AS "oldestAt", EXISTS (SELECT FROM notifications) AS "any"`;

/** Identities are kept for twice their window, as in `upkeep.ts`. */
export function makeRetention(shards: Shards, identityWindowMs: number): RetentionDriver {
  return {
    async retain(keepMs, limit) {
      let removed = 0;
      let done = true;
      for (const shard of shards.all) {
        if (removed >= limit) return { removed, done: false };
        const values = [Math.max(keepMs, 2 * identityWindowMs), limit];
        const [step] = await shard.query<Step>(retainStatement, values);
        removed += step!.removed;
        done &&= step!.done;
        if (step!.dayDue === null) continue;
        const [out] = await shard.query<{ taken: boolean }>("SELECT carillon_take_out($1) AS taken", [
          step!.dayDue,
        ]);
        // Others were in the way: not again at once.
        if (!out!.taken) done = true;
      }
      return { removed, done };
    },

    /** Dropping is all there is to it; what is free within tables is PostgreSQL's own. */
    async giveBack() {
      let freed = 0;
      for (const shard of shards.all) {
        const [dropped] = await shard.query<{ freed: number }>(
          "SELECT carillon_drop_taken_out() AS freed",
          [],
          {
            timeoutMs: dropMs,
          },
        );
        freed += dropped!.freed;
      }
      return freed;
    },

    async space() {
      const found = await Promise.all(
        shards.all.map((shard) =>
          shard.query<{ sizeBytes: number; oldestAt: number | null; any: boolean }>(spaceStatement, []),
        ),
      );
      const stores = found.map(([row]) => row!);
      const oldest = stores.flatMap(({ oldestAt, any }) => (any && oldestAt !== null ? [oldestAt] : []));
      return {
        oldestAt: oldest.length === 0 ? null : Math.min(...oldest),
        sizeBytes: stores.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
        freeBytes: 0,
      };
    },
  };
}
