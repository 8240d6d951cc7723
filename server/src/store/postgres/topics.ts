import { topicStream } from "@carillon/protocol/stream";
import type { DirectoryDriver, Names, Topic } from "../directory.ts";
import { pageOf } from "./page.ts";
import type { Query, Shard } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";

type TopicRow = Topic & { readonly id: number };

const here = "(SELECT part FROM parts WHERE state IN ('here', 'frozen'))";
const followers = (topicIds: string): string =>
  `SELECT topic_id, sum(count)::bigint AS count FROM topic_followers
   WHERE topic_id ${topicIds} AND part IN ${here} GROUP BY topic_id`;

const columns = `
  topics.topic_id AS id, name AS topic, owner, created_at AS "createdAt", coalesce(f.count, 0) AS subscribers`;
const find = `
  SELECT ${columns} FROM topics LEFT JOIN LATERAL (${followers("= topics.topic_id")}) f ON true
  WHERE name = $1 AND state <> 'gone' AND carillon_may_read($2::int[])`;
const list = `
  SELECT ${columns} FROM topics LEFT JOIN LATERAL (${followers("= topics.topic_id")}) f ON true
  WHERE name > $1 AND state <> 'gone' AND part IN ${here} ORDER BY name LIMIT $2`;
const count = followers("= ANY($1::bigint[])");

const state = `
  SELECT state FROM topics WHERE name = $1 AND state <> 'gone' AND carillon_may_read($2::int[])`;
const ensure = `
  INSERT INTO streams(name, part) SELECT $1::text, $2::int WHERE carillon_may_write(ARRAY[$2::int])
  ON CONFLICT (name) DO NOTHING`;
const lock = "SELECT id FROM streams WHERE name = $1 FOR NO KEY UPDATE";
const put = `
  INSERT INTO topics(topic_id, part, name, owner, created_at, generation, state)
  VALUES ($1, $2, $3, $4, carillon_now(), 1, 'open')
  ON CONFLICT (topic_id) DO UPDATE SET owner = excluded.owner, created_at = excluded.created_at,
    generation = topics.generation + 1, state = 'open' WHERE topics.state = 'gone'
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
    put(topic: string, owner: string): Promise<boolean> {
      const name = topicStream(topic);
      const part = partOf(name);
      return of(name).transaction(async (query: Query) => {
        await query(ensure, [name, part]);
        const [stream] = await query<{ id: number }>(lock, [name]);
        if ((await query(put, [stream!.id, part, topic, owner])).length === 0) return false;
        await query(open, [stream!.id]);
        return true;
      });
    },

    async get(topic: string): Promise<Topic | null> {
      const name = topicStream(topic);
      const shard = of(name);
      const [row] = await shard.query<TopicRow>(find, [topic, [partOf(name)]]);
      return row ? (await counted([{ row, shard }]))[0]! : null;
    },

    async list(after: string, limit: number): ReturnType<DirectoryDriver["listTopics"]> {
      const pages = await allOf(
        all.map(async (shard) => {
          const rows = await shard.query<TopicRow>(list, [after, limit + 1]);
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
