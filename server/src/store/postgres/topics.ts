import { topicStream } from "@carillon/protocol/stream";
import type { DirectoryDriver, Names, Only, Policy, Topic, TopicChanges } from "../directory.ts";
import { fits } from "./only.ts";
import { pageOf } from "./page.ts";
import type { Query, Shard } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";

type TopicRow = Topic & { readonly id: number };

const here = "(SELECT part FROM parts WHERE state IN ('here', 'frozen'))";
const followers = (topicIds: string): string =>
  `SELECT topic_id, sum(count)::bigint AS count FROM topic_followers
   WHERE topic_id ${topicIds} AND part IN ${here} GROUP BY topic_id`;

const columns = `
  topics.topic_id AS id, name AS topic, owner, created_at AS "createdAt", coalesce(f.count, 0) AS subscribers,
  subscribe, publish, active, keep_ms AS "keepMs"`;
const find = `
  SELECT ${columns} FROM topics LEFT JOIN LATERAL (${followers("= topics.topic_id")}) f ON true
  WHERE name = $1 AND state <> 'gone' AND carillon_may_read($2::int[])`;
const list = `
  SELECT ${columns} FROM topics LEFT JOIN LATERAL (${followers("= topics.topic_id")}) f ON true
  WHERE name > $1 AND state <> 'gone' AND part IN ${here} ORDER BY name LIMIT $2`;
const listOwned = `
  SELECT ${columns} FROM topics LEFT JOIN LATERAL (${followers("= topics.topic_id")}) f ON true
  WHERE owner = $3 AND name > $1 AND state <> 'gone' AND part IN ${here} ORDER BY name LIMIT $2`;
const count = followers("= ANY($1::bigint[])");

const state = `
  SELECT state FROM topics WHERE name = $1 AND state <> 'gone' AND carillon_may_read($2::int[])`;
const ensure = `
  INSERT INTO streams(name, part) SELECT $1::text, $2::int WHERE carillon_may_write(ARRAY[$2::int])
  ON CONFLICT (name) DO NOTHING`;
const lock = "SELECT id FROM streams WHERE name = $1 FOR NO KEY UPDATE";
const put = `
  INSERT INTO topics(topic_id, part, name, owner, created_at, generation, state, subscribe, publish, active, keep_ms)
  VALUES ($1, $2, $3, $4, carillon_now(), 1, 'open', $5, $6, $7, $8)
  ON CONFLICT (topic_id) DO UPDATE SET owner = excluded.owner, created_at = excluded.created_at,
    generation = topics.generation + 1, state = 'open', subscribe = excluded.subscribe,
    publish = excluded.publish, active = excluded.active, keep_ms = excluded.keep_ms WHERE topics.state = 'gone'
  RETURNING 1`;
const change = `
  UPDATE topics SET owner = coalesce($5, owner), subscribe = coalesce($6, subscribe),
    publish = coalesce($7, publish), active = coalesce($8, active),
    keep_ms = CASE WHEN $9::boolean THEN $10::bigint ELSE keep_ms END
  WHERE name = $1 AND state = 'open' AND (SELECT carillon_may_write(ARRAY[$2::int])) AND ${fits("$3", "$4")}
  RETURNING 1`;
const open = "UPDATE streams SET closed = false WHERE id = $1";

/** Topics' rows, each on the server of its stream; who follows them is counted on all servers. */
export function makeTopics({ all, partOf, of }: Shards) {
  /** Adds those who are counted elsewhere than where the topic is. */
  const counted = async (rows: readonly { row: TopicRow; shard: Shard }[]): Promise<Topic[]> => {
    const totals = new Map(rows.map(({ row }) => [row.id, row.subscribers]));
    await allOf(
      all.map(async (shard) => {
        const ids = rows.filter((one) => one.shard !== shard).map(({ row }) => row.id);
        if (ids.length === 0) return;
        for (const one of await shard.query<{ topic_id: number; count: number }>(count, [ids])) {
          totals.set(one.topic_id, totals.get(one.topic_id)! + one.count);
        }
      }),
    );
    return rows.map(({ row: { id, ...topic } }) => ({ ...topic, subscribers: totals.get(id)! }));
  };

  return {
    /** Null: there is none. */
    async state(topic: string): Promise<"open" | "closing" | null> {
      const name = topicStream(topic);
      const [row] = await of(name).query<{ state: "open" | "closing" }>(state, [topic, [partOf(name)]]);
      return row?.state ?? null;
    },

    /** False: it is there already, or is being deleted. */
    put(topic: string, owner: string, { subscribe, publish, active, keepMs }: Policy): Promise<boolean> {
      const name = topicStream(topic);
      const part = partOf(name);
      return of(name).transaction(async (query: Query) => {
        await query(ensure, [name, part]);
        const [stream] = await query<{ id: number }>(lock, [name]);
        const values = [stream!.id, part, topic, owner, subscribe, publish, active, keepMs];
        if ((await query(put, values)).length === 0) return false;
        await query(open, [stream!.id]);
        return true;
      });
    },

    /** False: there is none such as it has to be. */
    async change(topic: string, changes: TopicChanges, only: Only | null): Promise<boolean> {
      const name = topicStream(topic);
      const { owner = null, subscribe = null, publish = null, active = null, keepMs } = changes;
      const changed = await of(name).query(change, [
        topic,
        partOf(name),
        only?.owner ?? null,
        only?.orOpen ?? false,
        owner,
        subscribe,
        publish,
        active,
        keepMs !== undefined,
        keepMs ?? null,
      ]);
      return changed.length > 0;
    },

    async get(topic: string): Promise<Topic | null> {
      const name = topicStream(topic);
      const shard = of(name);
      const [row] = await shard.query<TopicRow>(find, [topic, [partOf(name)]]);
      return row ? (await counted([{ row, shard }]))[0]! : null;
    },

    async list(
      after: string,
      limit: number,
      owner: string | null,
    ): ReturnType<DirectoryDriver["listTopics"]> {
      const asked = [after, limit + 1];
      const pages = await allOf(
        all.map(async (shard) => {
          const rows =
            owner === null
              ? await shard.query<TopicRow>(list, asked)
              : await shard.query<TopicRow>(listOwned, [...asked, owner]);
          return rows.map((row) => ({ row, shard }));
        }),
      );
      const { items, next }: Names<{ row: TopicRow; shard: Shard }> = pageOf(
        pages,
        limit,
        ({ row }) => row.topic,
      );
      return { items: await counted(items), next };
    },
  };
}
