/** How many topics an owner may have, on all servers together. */
import type { Query } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";

/** Whoever makes a topic for an owner who may have so many holds this on the home server until it is made. */
const alone = "SELECT pg_advisory_xact_lock(1131572847, hashtext($1))";
const count = `
  SELECT count(*) AS count FROM topics
  WHERE owner = $1 AND state <> 'gone' AND part IN (SELECT part FROM parts WHERE state IN ('here', 'frozen'))`;

export function makeOwned({ home, all }: Shards) {
  let last: Promise<unknown> = Promise.resolve();

  const locked = <T>(owner: string, most: number, put: () => Promise<T>): Promise<T | "full"> =>
    home.transaction(async (query: Query) => {
      await query(alone, [owner]);
      const counts = await allOf(all.map((shard) => shard.query<{ count: number }>(count, [owner])));
      const owned = counts.reduce((sum, [row]) => sum + row!.count, 0);
      return owned >= most ? "full" : put();
    });

  /**
   * Runs `put` unless the owner has `most` topics. One at a time in this process: each holds a connection and needs
   * another meanwhile.
   */
  return <T>(owner: string, most: number, put: () => Promise<T>): Promise<T | "full"> => {
    const next = last.then(() => locked(owner, most, put));
    last = next.catch(() => {});
    return next;
  };
}
