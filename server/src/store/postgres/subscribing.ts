/** Subscriptions, each on the server of its user's stream. */
import { topicStream, userStream } from "@carillon/protocol/stream";
import type { DirectoryDriver, Only, Touched } from "../directory.ts";
import { integers, texts } from "./arrays.ts";
import { unavailable } from "./failure.ts";
import { fits } from "./only.ts";
import type { Shard } from "./shard.ts";
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
  /** The topic was deleted since it was looked up; nothing was done. */
  readonly ended: boolean;
}

const find = `
  SELECT topic_id AS id, generation, head FROM topics JOIN streams ON streams.id = topic_id
  WHERE topics.name = $1 AND state = 'open' AND carillon_may_read($2::int[]) AND ${fits("$3", "$4")}`;

const subscribe = `
  SELECT user_name AS user, rev, ended FROM carillon_subscribe($1, $2, $3, $4, $5, $6, $7, $8)`;

/**
 * The user's stream is locked before the subscription is looked at, as those who subscribe do. Whether the part is here
 * is a condition without columns: it is tested before any row is looked at, and so also where there is none.
 */
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

  const subscribeOn = (
    shard: Shard,
    topic: string,
    { id, generation, head }: OpenTopic,
    users: readonly string[],
    most: number,
  ): Promise<readonly Outcome[]> => {
    const names = users.map(userStream);
    return shard.query<Outcome>(subscribe, [
      topic,
      id,
      generation,
      head,
      most,
      texts(users),
      texts(names),
      integers(names.map(partOf)),
    ]);
  };

  return {
    async subscribe(
      topic: string,
      users: readonly string[],
      most: number,
      only: Only | null,
    ): ReturnType<DirectoryDriver["subscribe"]> {
      const asked = [...new Set(users)];
      const stream = topicStream(topic);
      const revs = new Map<string, number | null>();
      for (let attempt = 0; attempt < attemptsMost; attempt++) {
        const [found] = await of(stream).query<OpenTopic>(find, [
          topic,
          [partOf(stream)],
          only?.owner ?? null,
          only?.orOpen ?? false,
        ]);
        if (!found) return null;
        const done = await allOf(
          Array.from(grouped(asked, userStream), async ([shard, some]) => {
            const outcomes = await subscribeOn(shard, topic, found, some, most);
            if (outcomes[0]?.ended) return false;
            for (const { user, rev } of outcomes) revs.set(user, rev);
            return true;
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
