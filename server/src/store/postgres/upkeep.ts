import type { Clock } from "../../clock.ts";
import type { PeopleDriver } from "../people.ts";
import type { Shard } from "./shard.ts";
import type { Shards } from "./shards.ts";

const daysEveryMs = 3_600_000;

/** Partitions for today and the days ahead. Where that has to wait for others it is left for the next time. */
export async function makeDays(shard: Shard): Promise<void> {
  await shard.query("SELECT carillon_make_days()", []);
}

/**
 * Server by server. Identities are kept for twice their window, because a log that is read again is judged by when its
 * records were accepted, and that may be a while ago.
 */
export function makeUpkeep(
  shards: Shards,
  identityWindowMs: number,
  clock: Clock,
  { continueErasing }: Pick<PeopleDriver, "continueErasing">,
): (limit: number) => Promise<number> {
  let daysDueAt = clock.now() + daysEveryMs;

  return async (limit) => {
    if (clock.now() >= daysDueAt) {
      await Promise.all(shards.all.map(makeDays));
      daysDueAt = clock.now() + daysEveryMs;
    }
    if (!(await continueErasing(Math.min(limit, 10_000))).done) return limit;
    let touched = 0;
    for (const shard of shards.all) {
      if (touched === limit) break;
      const values = [limit - touched, 2 * identityWindowMs];
      const [step] = await shard.query<{ touched: number }>(
        "SELECT carillon_upkeep($1, $2) AS touched",
        values,
      );
      touched += step!.touched;
    }
    return touched;
  };
}
