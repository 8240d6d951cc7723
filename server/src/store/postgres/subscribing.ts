/**
 * Subscriptions, each on the server of its user's stream.
 *
 * What a transaction here locks, in this order, so that none waits in a circle: the parts that it writes to, the topic
 * (an advisory lock of its id: shared by those who subscribe, alone by who deletes it), streams by id, the rest.
 *
 * What asks or locks first is a condition without columns, in a SELECT of its own: the planner tests it before it looks
 * at a row, and so also where there is none.
 */
import { topicStream, userStream } from "@carillon/protocol/stream";
import type { DirectoryDriver, Touched } from "../directory.ts";
import { bigints, integers, texts } from "./arrays.ts";
import { unavailable } from "./failure.ts";
import type { Query, Shard } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";

interface OpenTopic {
  readonly id: number;
  readonly generation: number;
  readonly head: number;
}

interface Outcome {
  readonly user: string;
  /** Null: follows too many already. */
  readonly rev: number | null;
}

const find = `
  SELECT topic_id AS id, generation, head FROM topics JOIN streams ON streams.id = topic_id
  WHERE topics.name = $1 AND state = 'open' AND carillon_may_read($2::int[])`;

const begin = `
  INSERT INTO streams(name, part)
  SELECT u.name, u.part FROM unnest($1::text[], $2::int[]) AS u(name, part)
  WHERE (SELECT carillon_may_write($2::int[]))
    AND (SELECT true FROM pg_advisory_xact_lock_shared($3::bigint))
    AND NOT EXISTS (SELECT FROM streams WHERE streams.name = u.name) ORDER BY u.name
  ON CONFLICT (name) DO NOTHING`;

/** In a statement of its own: its snapshot is from after the topic's lock was had, so a deletion before it is seen. */
const lock = `
  SELECT id, name, EXISTS (SELECT FROM topic_ends WHERE topic_id = $2::bigint AND generation >= $3::int) AS ended
  FROM streams WHERE name = ANY($1::text[]) ORDER BY id FOR NO KEY UPDATE OF streams`;

const insert = `
  WITH asked AS MATERIALIZED (
    SELECT user_id, user_name, part,
      (SELECT count(*) FROM subscriptions s WHERE s.user_id = u.user_id) >= $8::bigint AS is_full
    FROM unnest($1::bigint[], $2::text[], $3::int[]) AS u(user_id, user_name, part)
    WHERE NOT EXISTS (SELECT FROM subscriptions s WHERE s.topic = $4::text AND s.user_name = u.user_name)),
  made AS (
    INSERT INTO subscriptions(topic_id, user_id, since, generation, part, topic, user_name)
    SELECT $5::bigint, user_id, $7::bigint, $6::int, part, $4::text, user_name FROM asked WHERE NOT is_full
    RETURNING user_id, part),
  counted AS (
    INSERT INTO topic_followers(topic_id, part, count)
    SELECT $5::bigint, part, count(*) FROM made GROUP BY part ORDER BY part
    ON CONFLICT (topic_id, part) DO UPDATE SET count = topic_followers.count + excluded.count),
  raised AS (
    UPDATE streams SET rev = rev + 1 FROM made WHERE streams.id = made.user_id RETURNING id, rev)
  SELECT user_name AS user, rev FROM asked LEFT JOIN raised ON raised.id = asked.user_id`;

/** The user's stream is locked before the subscription is looked at, as those who subscribe do. */
const remove = `
  WITH own AS MATERIALIZED (
    SELECT id FROM streams WHERE name = $1 AND (SELECT carillon_may_write($3::int[])) FOR NO KEY UPDATE),
  gone AS (
    DELETE FROM subscriptions USING own WHERE user_id = own.id AND topic = $2
    RETURNING topic_id, user_id, part),
  counted AS (
    UPDATE topic_followers SET count = count - 1 FROM gone
    WHERE topic_followers.topic_id = gone.topic_id AND topic_followers.part = gone.part)
  UPDATE streams SET rev = rev + 1 FROM gone WHERE id = gone.user_id RETURNING rev`;

/** How often a topic may be deleted and made again before those who subscribe to it meanwhile give up. */
const attemptsMost = 5;

export function makeSubscribing(shards: Shards) {
  const { of, partOf, grouped } = shards;

  /** Null: the topic was deleted since it was looked up. */
  const subscribeOn = (
    shard: Shard,
    topic: string,
    found: OpenTopic,
    users: readonly string[],
    most: number,
  ): Promise<readonly Outcome[] | null> =>
    shard.transaction(async (query: Query) => {
      const names = users.map(userStream);
      const parts = integers(names.map(partOf));
      await query(begin, [texts(names), parts, found.id]);
      const streams = await query<{ id: number; name: string; ended: boolean }>(lock, [
        texts(names),
        found.id,
        found.generation,
      ]);
      if (streams[0]!.ended) return null;
      const idOf = new Map(streams.map(({ id, name }) => [name, id]));
      return query<Outcome>(insert, [
        bigints(names.map((name) => idOf.get(name)!)),
        texts(users),
        parts,
        topic,
        found.id,
        found.generation,
        found.head,
        most,
      ]);
    });

  return {
    async subscribe(
      topic: string,
      users: readonly string[],
      most: number,
    ): ReturnType<DirectoryDriver["subscribe"]> {
      const asked = [...new Set(users)];
      const stream = topicStream(topic);
      const revs = new Map<string, number | null>();
      for (let attempt = 0; attempt < attemptsMost; attempt++) {
        const [found] = await of(stream).query<OpenTopic>(find, [topic, [partOf(stream)]]);
        if (!found) return null;
        const done = await allOf(
          Array.from(grouped(asked, userStream), async ([shard, some]) => {
            const outcomes = await subscribeOn(shard, topic, found, some, most);
            for (const { user, rev } of outcomes ?? []) revs.set(user, rev);
            return outcomes !== null;
          }),
        );
        if (!done.includes(false)) {
          return {
            changed: asked.flatMap((user) => {
              const rev = revs.get(user) ?? null;
              return rev === null ? [] : [{ stream: userStream(user), rev }];
            }),
            full: asked.filter((user) => revs.get(user) === null),
          };
        }
      }
      throw unavailable(`the topic ${topic} was deleted again and again meanwhile`);
    },

    async unsubscribe(topic: string, user: string): Promise<Touched | null> {
      const stream = userStream(user);
      const [raised] = await of(stream).query<{ rev: number }>(remove, [stream, topic, [partOf(stream)]]);
      return raised ? { changed: [{ stream, rev: raised.rev }] } : null;
    },
  };
}
