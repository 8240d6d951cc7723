import type { CoordinationDriver, Lease } from "../coordination.ts";
import { texts } from "./arrays.ts";
import { allOf, type Shards } from "./shards.ts";

const agreeStatement = `INSERT INTO facts AS kept(name, value) VALUES ($1, $2)
  ON CONFLICT (name) DO UPDATE SET value = kept.value RETURNING value`;
const amendStatement = `INSERT INTO facts(name, value) VALUES ($1, $2)
  ON CONFLICT (name) DO UPDATE SET value = excluded.value`;
/** In the order of their names, so that two who claim the same don't wait for each other. */
const claimStatement = `INSERT INTO leases AS held(name, owner, until)
  SELECT DISTINCT n.name, $1, carillon_now() + $3::bigint FROM unnest($2::text[]) AS n(name) ORDER BY n.name
  ON CONFLICT (name) DO UPDATE SET owner = excluded.owner, until = excluded.until
  WHERE held.owner = excluded.owner OR held.until <= carillon_now()
  RETURNING name`;
const releaseStatement = "DELETE FROM leases WHERE owner = $1 AND name = ANY ($2::text[])";
const leasesStatement = `SELECT name, owner FROM leases
  WHERE until > carillon_now() AND starts_with(name, $1) ORDER BY name LIMIT 10000`;
const placeStatement = `INSERT INTO log_progress(part, next)
  SELECT $1, $2 WHERE (SELECT carillon_may_write(ARRAY[$1::integer]))
  ON CONFLICT (part) DO UPDATE SET next = excluded.next`;

/** On the home server; a part's place is where the part is, and each server keeps the epoch. */
export function makeCoordination(shards: Shards): CoordinationDriver {
  const { home } = shards;
  return {
    async agree(name, value) {
      const [kept] = await home.query<{ value: string }>(agreeStatement, [name, value]);
      return kept!.value;
    },
    async amend(name, value) {
      await home.query(amendStatement, [name, value]);
    },
    async claim(owner, names, ttlMs) {
      const held = await home.query<{ name: string }>(claimStatement, [owner, texts(names), ttlMs]);
      return held.map(({ name }) => name);
    },
    async release(owner, names) {
      await home.query(releaseStatement, [owner, texts(names)]);
    },
    leases: (prefix) => home.query<Lease>(leasesStatement, [prefix]),

    async beginEpoch() {
      const rows = await allOf(
        shards.all.map((shard) => shard.query<{ epoch: number }>("SELECT epoch FROM meta", [])),
      );
      const largest = Math.max(...rows.flat().map(({ epoch }) => epoch));
      const [begun] = await home.query<{ epoch: number }>(
        "UPDATE meta SET epoch = greatest(epoch, $1) + 1 RETURNING epoch",
        [largest],
      );
      const raise = "UPDATE meta SET epoch = greatest(epoch, $1)";
      await allOf(shards.all.map((shard) => shard.query(raise, [begun!.epoch])));
      return begun!.epoch;
    },

    setProgress: (part, next) =>
      shards.steady(async () => {
        await shards.ofPart(part).query(placeStatement, [part, next]);
      }),
  };
}
