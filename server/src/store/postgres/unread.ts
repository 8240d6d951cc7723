/**
 * What users have not read. On one server that is one statement, so one view of everything.
 *
 * With several, the user's server is asked first, for the rev, the marks and what is followed, and then each topic's
 * server for its head and what counts up to it. Each count is exact for the head beside it; what the user does in
 * between has a newer rev than the one told, so that whoever compares revs asks again.
 */
import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import type { Unread, UnreadStream } from "../positions.ts";
import { bigints, integers, texts } from "./arrays.ts";
import { makeGather } from "./gather.ts";
import type { Shard } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";

interface Standing {
  readonly user: StreamName;
  readonly epoch: number;
  readonly rev: number;
  /** Null: the user's own stream. */
  readonly topic: string | null;
  readonly id: number | null;
  readonly since: number;
  readonly readSeq: number;
}

interface Counted {
  readonly head: number;
  readonly count: number;
}

/** How many rows of the stream `s` behind `floor` count. */
const counting = (floor: string): string => `
  CROSS JOIN LATERAL (SELECT greatest(${floor}, s.trimmed) AS behind) b
  CROSS JOIN LATERAL (
    SELECT CASE WHEN s.head > behind THEN s.head - behind - carillon_uncounted(s.id, behind, s.head) ELSE 0 END AS count
  ) c`;

/** The user's own stream and the topics that they follow, as the user's server knows them. */
const standings = `
  SELECT asked.name AS user, meta.epoch, coalesce(own.rev, 0) AS rev, f.topic, f.id, f.since,
    coalesce((SELECT read_seq FROM positions p WHERE p.user_id = own.id AND p.stream_id = f.id), 0) AS "readSeq"
  FROM meta, unnest($1::text[]) AS asked(name) LEFT JOIN streams own ON own.name = asked.name
    CROSS JOIN LATERAL (
      SELECT NULL AS topic, own.id, 0::bigint AS since
      UNION ALL SELECT topic, topic_id, since FROM subscriptions WHERE user_id = own.id) f
  WHERE carillon_may_read($2::int[])`;

const everything = `
  SELECT f.*, coalesce(s.head, 0) AS head, count
  FROM (${standings}) f LEFT JOIN streams s ON s.id = f.id
  ${counting('f."readSeq", f.since')}
  ORDER BY topic NULLS FIRST`;

const counts = `
  SELECT (f.place - 1)::int AS at, s.head, count
  FROM unnest($1::bigint[], $2::bigint[]) WITH ORDINALITY AS f(id, floor, place) JOIN streams s ON s.id = f.id
  ${counting("f.floor")}
  WHERE carillon_may_read($3::int[])`;

const nothing: Counted = { head: 0, count: 0 };
const streamOf = ({ user, topic }: Standing): StreamName => (topic === null ? user : topicStream(topic));

function unreadOf(rows: readonly (Standing & Counted)[]): Unread {
  const streams = rows.map(
    (row): UnreadStream => ({
      stream: streamOf(row),
      count: row.count,
      head: row.head,
      readSeq: row.readSeq,
    }),
  );
  const { epoch, rev } = rows[0]!;
  return { epoch, rev, total: streams.reduce((sum, { count }) => sum + count, 0), streams };
}

export function makeUnread({ all, of, grouped, partOf }: Shards) {
  const partsOf = (names: readonly StreamName[]): Buffer => integers([...new Set(names.map(partOf))]);

  const countedElsewhere = async (rows: readonly Standing[]): Promise<(Standing & Counted)[]> => {
    const found = new Map<Standing, Counted>();
    const groups = grouped(
      rows.filter(({ id }) => id !== null),
      streamOf,
    );
    const ask = async (shard: Shard, group: readonly Standing[]): Promise<void> => {
      const answers = await shard.query<Counted & { readonly at: number }>(counts, [
        bigints(group.map(({ id }) => id)),
        bigints(group.map(({ since, readSeq }) => Math.max(since, readSeq))),
        partsOf(group.map(streamOf)),
      ]);
      for (const { at, head, count } of answers) found.set(group[at]!, { head, count });
    };
    await allOf(Array.from(groups, ([shard, group]) => ask(shard, group)));
    return rows
      .map((row) => ({ ...row, ...(found.get(row) ?? nothing) }))
      .sort((a, b) => ((a.topic ?? "") < (b.topic ?? "") ? -1 : 1));
  };

  const gathered = makeGather<Shard, StreamName, Unread>(async (shard, users) => {
    const values = [texts(users), partsOf(users)];
    const rows =
      all.length === 1
        ? await shard.query<Standing & Counted>(everything, values)
        : await countedElsewhere(await shard.query<Standing>(standings, values));
    const byUser = new Map(users.map((user): [StreamName, (Standing & Counted)[]] => [user, []]));
    for (const row of rows) byUser.get(row.user)!.push(row);
    return users.map((user) => unreadOf(byUser.get(user)!));
  });

  return (user: string): Promise<Unread> => gathered(of(userStream(user)), userStream(user));
}
