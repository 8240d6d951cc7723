import { userStream } from "@carillon/protocol/stream";
import { lateMs } from "../erasing.ts";
import type { DevicePosition, PositionsDriver } from "../positions.ts";
import { integers, texts } from "./arrays.ts";
import { allOf, type Shards } from "./shards.ts";

const devicesMost = 32;

/** What somebody else is saving isn't waited for: the next to save takes it away, and nobody waits in a circle. */
const save = `
  WITH saved AS MATERIALIZED (
    SELECT user_name, device, part, cursor, place
    FROM unnest($1::text[], $2::text[], $3::int[], $4::text[])
      WITH ORDINALITY AS d(user_name, device, part, cursor, place)
    WHERE (SELECT carillon_may_write($5::int[])) AND NOT EXISTS (
      SELECT FROM erasures e
      WHERE e.hash = carillon_hash_of('user:' || d.user_name) AND e.at > carillon_now() - ${lateMs})),
  kept AS (
    SELECT devices.user_name, devices.device,
      row_number() OVER (PARTITION BY devices.user_name ORDER BY seen DESC) + more.count AS place
    FROM devices JOIN (SELECT user_name, count(*) AS count FROM saved GROUP BY user_name) more USING (user_name)
    WHERE NOT EXISTS (
      SELECT FROM saved WHERE saved.user_name = devices.user_name AND saved.device = devices.device)),
  free AS (
    SELECT user_name, device FROM devices JOIN kept USING (user_name, device)
    WHERE kept.place > ${devicesMost} FOR UPDATE OF devices SKIP LOCKED),
  evicted AS (
    DELETE FROM devices USING free WHERE devices.user_name = free.user_name AND devices.device = free.device)
  INSERT INTO devices(user_name, device, part, cursor, seen)
  SELECT user_name, device, part, cursor, place + greatest(carillon_now(),
    (SELECT max(seen) FROM devices WHERE devices.user_name = saved.user_name))
  FROM saved ORDER BY user_name, device
  ON CONFLICT (user_name, device) DO UPDATE SET cursor = excluded.cursor, seen = excluded.seen`;

/** Of the newest alone: several who save at the same time may each find room for one more. */
const find = `
  SELECT cursor FROM (
    SELECT device, cursor FROM devices WHERE user_name = $1 ORDER BY seen DESC LIMIT ${devicesMost}) newest
  WHERE device = $2 AND carillon_may_read($3::int[])`;

/** Each device once, as it was last; of a user no more than are kept. */
function latest(positions: readonly DevicePosition[]): readonly DevicePosition[] {
  const byUser = new Map<string, Map<string, DevicePosition>>();
  for (const position of positions) {
    const devices = byUser.get(position.user) ?? new Map<string, DevicePosition>();
    byUser.set(position.user, devices);
    devices.delete(position.device);
    devices.set(position.device, position);
  }
  return [...byUser.values()].flatMap((devices) => [...devices.values()].slice(-devicesMost));
}

export function makeDevices({
  grouped,
  of,
  partOf,
}: Shards): Pick<PositionsDriver, "saveDevices" | "findDevice"> {
  return {
    async saveDevices(positions) {
      const groups = grouped(latest(positions), ({ user }) => userStream(user));
      await allOf(
        Array.from(groups, ([shard, some]) => {
          const parts = some.map(({ user }) => partOf(userStream(user)));
          return shard.query(save, [
            texts(some.map(({ user }) => user)),
            texts(some.map(({ device }) => device)),
            integers(parts),
            texts(some.map(({ cursor }) => cursor)),
            integers([...new Set(parts)]),
          ]);
        }),
      );
    },

    async findDevice(user, device) {
      const stream = userStream(user);
      const [row] = await of(stream).query<{ cursor: string }>(find, [user, device, [partOf(stream)]]);
      return row?.cursor ?? null;
    },
  };
}
