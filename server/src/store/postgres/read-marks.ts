import { isTopicStream, ownerOf, type StreamName, userStream } from "@carillon/protocol/stream";
import type { ReadMark } from "../positions.ts";
import { bigints, integers, texts } from "./arrays.ts";
import { makeGather } from "./gather.ts";
import type { Shard } from "./shard.ts";
import type { Shards } from "./shards.ts";

interface Reading {
  readonly user: string;
  readonly stream: StreamName;
  readonly upTo: number;
  /** The stream's head, where the stream is on another server than its reader; null: it is looked at in the statement. */
  readonly head: number | null;
}

interface Marked {
  readonly at: number;
  readonly wanted: number;
  readonly known: number;
  readonly rev: number;
  /** What it is now, and the rev that tells of it, when it moved. */
  readonly moved: number | null;
  readonly movedRev: number;
}

const heads = "SELECT name, head FROM streams WHERE name = ANY($1::text[]) AND carillon_may_read($2::int[])";

/**
 * What is known and its rev are of the statement's snapshot. Who moves a mark holds the user's stream from then on, so
 * that marks and revs move together; all of them are locked, by id, before the first is written, because the sort takes
 * all of its input first.
 */
const mark = `
  WITH asked AS MATERIALIZED (
    SELECT place, own.id AS user_id, own.rev, stream.id AS stream_id, coalesce(read_seq, 0) AS known,
      least(up_to, coalesce(a.head, stream.head)) AS wanted
    FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[])
        WITH ORDINALITY AS a(reader, topic, up_to, head, place)
      JOIN streams own ON own.name = a.reader
      LEFT JOIN subscriptions ON subscriptions.user_id = own.id AND subscriptions.topic = a.topic
      CROSS JOIN LATERAL (SELECT CASE WHEN a.topic IS NULL THEN own.id ELSE topic_id END AS id) at
      LEFT JOIN LATERAL (SELECT at.id, head FROM streams WHERE streams.id = at.id AND a.head IS NULL) local ON true
      CROSS JOIN LATERAL (SELECT at.id, local.head) stream
      LEFT JOIN positions ON positions.user_id = own.id AND positions.stream_id = at.id
    WHERE (SELECT carillon_may_write($5::int[])) AND carillon_may_read($6::int[]) AND at.id IS NOT NULL),
  moving AS MATERIALIZED (
    SELECT user_id, stream_id, max(wanted) AS read_seq FROM asked WHERE wanted > known GROUP BY user_id, stream_id),
  locked AS MATERIALIZED (
    SELECT id FROM streams WHERE id IN (SELECT user_id FROM moving) ORDER BY id FOR NO KEY UPDATE),
  marked AS (
    INSERT INTO positions(user_id, stream_id, read_seq)
    SELECT user_id, stream_id, read_seq FROM moving JOIN locked ON locked.id = user_id ORDER BY user_id, stream_id
    ON CONFLICT (user_id, stream_id) DO UPDATE SET read_seq = excluded.read_seq
      WHERE positions.read_seq < excluded.read_seq
    RETURNING user_id, stream_id, read_seq),
  raised AS (
    UPDATE streams SET rev = rev + 1 FROM (SELECT DISTINCT user_id FROM marked) m WHERE id = m.user_id
    RETURNING id, rev)
  SELECT (place - 1)::int AS at, wanted, known, asked.rev, marked.read_seq AS moved, raised.rev AS "movedRev"
  FROM asked LEFT JOIN marked USING (user_id, stream_id) LEFT JOIN raised ON raised.id = asked.user_id`;

export function makeReadMarks({ of, partOf }: Shards) {
  const partsOf = (names: readonly StreamName[]): Buffer => integers([...new Set(names.map(partOf))]);

  const headOf = makeGather<Shard, StreamName, number>(async (shard, names) => {
    const rows = await shard.query<{ name: string; head: number }>(heads, [texts(names), partsOf(names)]);
    const known = new Map(rows.map(({ name, head }) => [name, head]));
    return names.map((name) => known.get(name) ?? 0);
  });

  /** "again": the mark moved under the statement, whose snapshot doesn't say where to. */
  const marking = makeGather<Shard, Reading, ReadMark | "again" | null>(
    async (shard, readings) => {
      const readers = readings.map(({ user }) => userStream(user));
      const rows = await shard.query<Marked>(mark, [
        texts(readers),
        texts(readings.map(({ stream }) => (isTopicStream(stream) ? ownerOf(stream) : null))),
        bigints(readings.map(({ upTo }) => upTo)),
        bigints(readings.map(({ head }) => head)),
        partsOf(readers),
        partsOf(readings.flatMap(({ stream, head }) => (head === null ? [stream] : []))),
      ]);
      const byPlace = new Map(rows.map((row) => [row.at, row]));
      return readings.map(({ user, stream }, at) => {
        const row = byPlace.get(at);
        if (!row) return stream === userStream(user) ? { readSeq: 0, rev: 0 } : null;
        if (row.moved !== null) return { readSeq: row.moved, rev: row.movedRev };
        return row.wanted > row.known ? "again" : { readSeq: row.known, rev: row.rev };
      });
    },
    { abreast: 1 },
  );

  return async function read(user: string, stream: StreamName, upTo: number): Promise<ReadMark | null> {
    const own = userStream(user);
    if (stream !== own && !isTopicStream(stream)) return null;
    const shard = of(own);
    const head = of(stream) === shard ? null : await headOf(of(stream), stream);
    for (;;) {
      const marked = await marking(shard, { user, stream, upTo, head });
      if (marked !== "again") return marked;
    }
  };
}
