import { topicStream, userStream } from "@carillon/protocol/stream";
import type { GrantsDriver } from "../grants.ts";
import { integers, texts } from "./arrays.ts";
import { fits } from "./only.ts";
import { pageOf } from "./page.ts";
import type { Query } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";
import { makeTopics } from "./topics.ts";

/** Held by whoever grants, and in the way of whoever deletes the topic: of one that is deleted no grant is left. */
const lock = `
  SELECT topic_id AS id FROM topics
  WHERE name = $1 AND state = 'open' AND (SELECT carillon_may_write(ARRAY[$2::int])) AND ${fits("$3", "$4")}
  FOR NO KEY UPDATE`;
const count = `
  SELECT count(*) AS count, count(*) FILTER (WHERE user_name = $2) AS there FROM grants WHERE topic_id = $1`;
const insert = `
  INSERT INTO grants(topic_id, part, user_name, created_at) VALUES ($1, $2, $3, carillon_now())`;
const remove = `
  DELETE FROM grants USING topics
  WHERE grants.topic_id = topics.topic_id AND user_name = $5 AND name = $1 AND state = 'open'
    AND (SELECT carillon_may_write(ARRAY[$2::int])) AND ${fits("$3", "$4")}
  RETURNING 1`;

const columns = 'user_name AS user, grants.created_at AS "createdAt"';
const ofTopic = `
  FROM topics JOIN grants USING (topic_id)
  WHERE name = $1 AND state <> 'gone' AND carillon_may_read($2::int[])`;
const find = `SELECT ${columns} ${ofTopic} AND user_name = $3`;
const list = `SELECT ${columns} ${ofTopic} AND user_name > $3 ORDER BY user_name LIMIT $4`;

const following = `
  SELECT user_name AS user FROM subscriptions
  WHERE topic = $1 AND user_name = ANY ($2::text[]) AND carillon_may_read($3::int[])`;

type Grant = { readonly user: string; readonly createdAt: number };

export function makeGrants(shards: Shards): GrantsDriver {
  const { of, partOf, grouped, steady } = shards;
  const topics = makeTopics(shards);
  const placeOf = (topic: string) => {
    const stream = topicStream(topic);
    return { shard: of(stream), part: partOf(stream) };
  };

  const findGrant = async (topic: string, user: string): Promise<Grant | null> => {
    const { shard, part } = placeOf(topic);
    return (await shard.query<Grant>(find, [topic, [part], user]))[0] ?? null;
  };

  const followingOf = async (topic: string, users: readonly string[]): Promise<readonly string[]> => {
    const found = await allOf(
      Array.from(grouped([...new Set(users)], userStream), ([shard, some]) => {
        const parts = [...new Set(some.map((user) => partOf(userStream(user))))];
        return shard.query<{ user: string }>(following, [topic, texts(some), integers(parts)]);
      }),
    );
    return found.flat().map(({ user }) => user);
  };

  return {
    grant: (topic, user, most, only = null) =>
      steady(() => {
        const { shard, part } = placeOf(topic);
        return shard.transaction(async (query: Query) => {
          const held = [topic, part, only?.owner ?? null, only?.orOpen ?? false];
          const [found] = await query<{ id: number }>(lock, held);
          if (!found) return null;
          const [is] = await query<{ count: number; there: number }>(count, [found.id, user]);
          if (is!.there > 0) return "there";
          if (is!.count >= most) return "full";
          await query(insert, [found.id, part, user]);
          return "made";
        });
      }),

    revoke: (topic, user, only = null) =>
      steady(async () => {
        const { shard, part } = placeOf(topic);
        const values = [topic, part, only?.owner ?? null, only?.orOpen ?? false, user];
        return (await shard.query(remove, values)).length > 0;
      }),

    findGrant: (topic, user) => steady(() => findGrant(topic, user)),

    listGrants: (topic, after, limit) =>
      steady(async () => {
        const { shard, part } = placeOf(topic);
        const rows = await shard.query<Grant>(list, [topic, [part], after, limit + 1]);
        return pageOf([rows], limit, ({ user }) => user);
      }),

    standing: (topic, user) =>
      steady(async () => {
        const [found, grant, follows] = await Promise.all([
          topics.get(topic),
          findGrant(topic, user),
          followingOf(topic, [user]),
        ]);
        return { topic: found, granted: grant !== null, follows: follows.length > 0 };
      }),

    following: (topic, users) => steady(() => followingOf(topic, users)),
  };
}
