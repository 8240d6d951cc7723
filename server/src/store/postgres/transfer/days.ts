import type { Shard } from "../shard.ts";
import { bulk } from "./pages.ts";

const dayMs = 86_400_000;
/** What is older shares one partition: each is a little work for every read. */
const singleDays = 35;

const nameOf = (day: number): string =>
  `notifications_${new Date(day * dayMs).toISOString().slice(0, 10).replaceAll("-", "")}`;

const older = "notifications_older";

/** Attached when it is whole: what is there already, of an earlier run, is kept. */
const makePartition = (shard: Shard, name: string, from: string, to: number): Promise<void> =>
  shard.transaction(async (query) => {
    const [there] = await query<{ found: boolean }>(
      `SELECT EXISTS (
         SELECT FROM pg_class WHERE relname = $1 AND relnamespace = current_schema()::regnamespace) AS found`,
      [name],
    );
    if (there!.found) return;
    await query(`CREATE TABLE ${name} (LIKE notifications INCLUDING ALL)`, []);
    await query(
      `ALTER TABLE notifications ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${to})`,
      [],
    );
  }, bulk);

/**
 * Makes the partitions that rows need before they are put: in the default partition, old rows would be read through
 * each time that a new day's is made.
 */
export function makeDays(shard: Shard) {
  const known = new Set<number>();
  let making: Promise<void> = Promise.resolve();
  let oldest: number | undefined;

  /** The first day that has a partition of its own; an earlier run may have said. */
  const firstDay = async (): Promise<number> => {
    const [row] = await shard.query<{ bound: string | null }>(
      `SELECT (SELECT pg_get_expr(relpartbound, oid) FROM pg_class
         WHERE relname = $1 AND relnamespace = current_schema()::regnamespace) AS bound,
         carillon_now() AS now`,
      [older],
    );
    const bound = /TO \('(\d+)'\)/.exec(row!.bound ?? "");
    return bound ? Number(bound[1]) / dayMs : Math.floor(Date.now() / dayMs) - singleDays;
  };

  const make = async (days: readonly number[]): Promise<void> => {
    oldest ??= await firstDay();
    for (const day of days) {
      if (known.has(day)) continue;
      if (day < oldest) await makePartition(shard, older, "MINVALUE", oldest * dayMs);
      else await makePartition(shard, nameOf(day), String(day * dayMs), (day + 1) * dayMs);
      known.add(day);
    }
  };

  return {
    async need(times: readonly number[]): Promise<void> {
      const days = [...new Set(times.map((time) => Math.floor(time / dayMs)))].filter(
        (day) => !known.has(day),
      );
      if (days.length === 0) return;
      making = making.catch(() => {}).then(() => make(days));
      await making;
    },
  };
}
