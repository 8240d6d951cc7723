import { isTopicStream, ownerOf, type StreamName, userStream } from "@carillon/protocol/stream";
import type { Acknowledgement, PositionsDriver } from "../positions.ts";
import { bigints, integers, texts } from "./arrays.ts";
import type { Shard } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";

/** From where on a stream's rows are the user's. */
interface Reach extends Acknowledgement {
  readonly since: number;
}

const sinces = `
  SELECT (a.place - 1)::int AS at, since
  FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS a(user_name, topic, place)
  JOIN subscriptions USING (user_name, topic) WHERE carillon_may_read($3::int[])`;

const receive = `
  WITH asked AS MATERIALIZED (
    SELECT user_name, streams.id AS stream_id, up_to, greatest(
      since, trimmed,
      (SELECT max(seq) FROM receipts WHERE receipts.stream_id = streams.id AND receipts.user_name = a.user_name)
    ) AS behind
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) AS a(user_name, stream, since, up_to)
    JOIN streams ON streams.name = a.stream
    WHERE (SELECT carillon_may_write($5::int[])))
  INSERT INTO receipts(stream_id, seq, user_name, created_at)
  SELECT asked.stream_id, seq, user_name, carillon_now()
  FROM asked CROSS JOIN LATERAL carillon_receivable(asked.stream_id, behind, up_to) AS seq
  ORDER BY asked.stream_id, user_name, seq
  ON CONFLICT DO NOTHING`;

const find = `
  WITH place AS MATERIALIZED (
    SELECT id AS stream_id FROM streams WHERE name = $1 AND trimmed < $2 AND carillon_may_read($4::int[])),
  received AS (SELECT id, user_name, created_at FROM place JOIN receipts USING (stream_id) WHERE seq = $2)
  SELECT total, user_name AS user, created_at AS at FROM (SELECT count(*) AS total FROM received) counted
  LEFT JOIN (SELECT * FROM received ORDER BY created_at, id LIMIT $3) first ON true
  ORDER BY created_at, id`;

export function makeReceipts({
  grouped,
  of,
  partOf,
}: Shards): Pick<PositionsDriver, "acknowledge" | "receipts"> {
  const partsOf = (names: readonly StreamName[]): Buffer => integers([...new Set(names.map(partOf))]);

  /** A topic's may be on another server than its followers'. */
  const reachOf = async (some: readonly Acknowledgement[]): Promise<readonly Reach[]> => {
    const reaches: Reach[] = [];
    const ofTopics: Acknowledgement[] = [];
    for (const one of some) {
      if (isTopicStream(one.stream)) ofTopics.push(one);
      else reaches.push({ ...one, since: 0 });
    }
    const ask = async (shard: Shard, group: readonly Acknowledgement[]): Promise<void> => {
      const rows = await shard.query<{ at: number; since: number }>(sinces, [
        texts(group.map(({ user }) => user)),
        texts(group.map(({ stream }) => ownerOf(stream))),
        partsOf(group.map(({ user }) => userStream(user))),
      ]);
      for (const { at, since } of rows) reaches.push({ ...group[at]!, since });
    };
    const groups = grouped(ofTopics, ({ user }) => userStream(user));
    await allOf(Array.from(groups, ([shard, group]) => ask(shard, group)));
    return reaches;
  };

  return {
    async acknowledge(acknowledgements) {
      const groups = grouped(await reachOf(acknowledgements), ({ stream }) => stream);
      await allOf(
        Array.from(groups, ([shard, group]) =>
          shard.query(receive, [
            texts(group.map(({ user }) => user)),
            texts(group.map(({ stream }) => stream)),
            bigints(group.map(({ since }) => since)),
            bigints(group.map(({ upTo }) => upTo)),
            partsOf(group.map(({ stream }) => stream)),
          ]),
        ),
      );
    },

    async receipts(stream, seq, limit) {
      const rows = await of(stream).query<{ total: number; user: string | null; at: number }>(find, [
        stream,
        seq,
        limit,
        [partOf(stream)],
      ]);
      const users = rows.flatMap(({ user, at }) => (user === null ? [] : [{ user, at }]));
      return { total: rows[0]!.total, users };
    },
  };
}
