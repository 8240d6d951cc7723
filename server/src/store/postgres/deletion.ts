/**
 * Deletes a topic: first it is `closing`, so that nobody publishes or subscribes any more; then its subscriptions go,
 * server by server; last the topic is `gone` and its stream empty. With one server and few followers that is one
 * commit. A deletion that was interrupted is found `closing`, and whoever deletes the topic again, or makes it, ends it.
 *
 * Somebody who looked the topic up before it closed may still be about to subscribe on another server. So each server
 * first notes up to which generation the topic's subscriptions are ended, under the topic's lock; see
 * `carillon_subscribe`, which also says in which order things are locked.
 */
import { type StreamName, topicStream } from "@carillon/protocol/stream";
import type { Only, Touched } from "../directory.ts";
import { unavailable } from "./failure.ts";
import { fits } from "./only.ts";
import type { Query, Shard } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";

interface Ending {
  readonly id: number;
  readonly generation: number;
}

type Changed = Touched["changed"][number];

interface Step {
  readonly changed: readonly Changed[];
  /** No subscriptions are left here. */
  readonly done: boolean;
  /** The parts that this is true for, and how many the store has. */
  readonly parts: readonly number[];
  readonly partsOfStore: number;
}

/** What one commit takes: a topic may have more followers than are changed in a few milliseconds. */
const subscriptionsAtOnce = 1_000;

const find = `
  SELECT topic_id AS id, generation FROM topics
  WHERE name = $1 AND state <> 'gone' AND carillon_may_read($2::int[]) AND ${fits("$3", "$4")}`;

const begin = `
  WITH held AS MATERIALIZED (SELECT array_agg(part) AS parts FROM parts WHERE state IN ('here', 'frozen'))
  SELECT coalesce(parts, '{}') AS parts, (SELECT parts FROM meta) AS "partsOfStore" FROM held
  WHERE carillon_may_write(coalesce(parts, '{}'))`;
const alone = "SELECT pg_advisory_xact_lock($1::bigint)";
const end = `
  INSERT INTO topic_ends(topic_id, generation) VALUES ($1, $2)
  ON CONFLICT (topic_id) DO UPDATE SET generation = excluded.generation
  WHERE topic_ends.generation < excluded.generation`;

/** The users' streams of one step, and the topic's own where it is here. */
const lock = `
  SELECT id FROM streams WHERE id = $1 OR id IN (
    SELECT user_id FROM subscriptions WHERE topic = $2 AND generation <= $3 AND part = ANY($4::int[])
    ORDER BY user_name LIMIT ${subscriptionsAtOnce})
  ORDER BY id FOR NO KEY UPDATE`;
const remove = `
  WITH gone AS (
    DELETE FROM subscriptions WHERE topic = $1 AND generation <= $2 AND user_id = ANY($3::bigint[])
    RETURNING topic_id, user_id, part),
  counted AS (
    UPDATE topic_followers SET count = topic_followers.count - less.count
    FROM (SELECT topic_id, part, count(*) AS count FROM gone GROUP BY topic_id, part) less
    WHERE topic_followers.topic_id = less.topic_id AND topic_followers.part = less.part)
  UPDATE streams SET rev = rev + 1 FROM gone WHERE id = gone.user_id RETURNING name AS stream, rev`;
const tidy = "DELETE FROM topic_followers WHERE topic_id = $1 AND count = 0";

const close = `
  WITH stream AS MATERIALIZED (
    SELECT id FROM streams WHERE id = $1 AND (SELECT carillon_may_write(ARRAY[$3::int])) FOR NO KEY UPDATE),
  closed AS (
    UPDATE topics SET state = 'closing' FROM stream
    WHERE topic_id = stream.id AND generation = $2 AND state <> 'gone' RETURNING topic_id)
  UPDATE streams SET closed = true FROM closed WHERE id = topic_id RETURNING 1`;
const finish = `
  WITH stream AS MATERIALIZED (
    SELECT id FROM streams WHERE id = $1 AND (SELECT carillon_may_write(ARRAY[$3::int])) FOR NO KEY UPDATE),
  ended AS (
    UPDATE topics SET state = 'gone' FROM stream
    WHERE topic_id = stream.id AND generation = $2 AND state = 'closing' RETURNING topic_id),
  ungranted AS (DELETE FROM grants USING ended WHERE grants.topic_id = ended.topic_id),
  trimming AS (
    INSERT INTO trims(stream_id, due_at, buried) SELECT topic_id, 0, 0 FROM ended
    ON CONFLICT (stream_id) DO UPDATE SET due_at = 0)
  UPDATE streams SET trimmed = head, rev = rev + 1 FROM ended WHERE id = topic_id
  RETURNING name AS stream, rev`;

export function makeDeletion(shards: Shards) {
  const { all, of, partOf } = shards;

  const step = async (query: Query, topic: string, { id, generation }: Ending): Promise<Step> => {
    const [held] = await query<Pick<Step, "parts" | "partsOfStore">>(begin, []);
    await query(alone, [id]);
    await query(end, [id, generation]);
    const locked = await query<{ id: number }>(lock, [id, topic, generation, held!.parts]);
    const users = locked.map((stream) => stream.id).filter((one) => one !== id);
    const changed = await query<Changed>(remove, [topic, generation, users]);
    const done = users.length < subscriptionsAtOnce;
    if (done) await query(tidy, [id]);
    return { changed, done, ...held! };
  };

  /** All in one commit where that does; else what is left to do. */
  const deleteAtOnce = (
    shard: Shard,
    topic: string,
    ending: Ending,
    place: readonly unknown[],
  ): Promise<{ readonly changed: readonly Changed[]; readonly state: "gone" | "closing" | "other" }> =>
    shard.transaction(async (query) => {
      const { changed, done } = await step(query, topic, ending);
      if ((await query(close, place)).length === 0) {
        return { changed, state: "other" };
      }
      if (!done) return { changed, state: "closing" };
      const ended = await query<Changed>(finish, place);
      return { changed: [...changed, ...ended], state: "gone" };
    });

  const removeOn = async (shard: Shard, topic: string, ending: Ending, changed: Changed[]): Promise<Step> => {
    for (;;) {
      const taken = await shard.transaction((query) => step(query, topic, ending));
      changed.push(...taken.changed);
      if (taken.done) return taken;
    }
  };

  const removeEverywhere = async (topic: string, ending: Ending, changed: Changed[]): Promise<void> => {
    const steps = await allOf(all.map((shard) => removeOn(shard, topic, ending, changed)));
    const seen = new Set(steps.flatMap(({ parts }) => parts));
    if (seen.size < steps[0]!.partsOfStore)
      throw unavailable("a part was on its way to another server; delete it again");
  };

  return async function deleteTopic(topic: string, only: Only | null): Promise<Touched | null> {
    const name: StreamName = topicStream(topic);
    const shard = of(name);
    const part = partOf(name);
    const [ending] = await shard.query<Ending>(find, [
      topic,
      [part],
      only?.owner ?? null,
      only?.orOpen ?? false,
    ]);
    if (!ending) return null;
    const place = [ending.id, ending.generation, part];
    const changed: Changed[] = [];
    if (all.length === 1) {
      const first = await deleteAtOnce(shard, topic, ending, place);
      changed.push(...first.changed);
      if (first.state !== "closing") return changed.length > 0 ? { changed } : null;
    } else if ((await shard.query(close, place)).length === 0) return null;
    await removeEverywhere(topic, ending, changed);
    changed.push(...(await shard.query<Changed>(finish, place)));
    return changed.length > 0 ? { changed } : null;
  };
}
