/**
 * What users have marked is decided here, by `changeMark`, from what their server says, and written where it is still
 * that: two statements, each whole. Calls that come meanwhile are decided and written together.
 */
import type { Mark, MarkChange, MarkKind } from "@carillon/protocol/marks";
import { isTopicStream, ownerOf, type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import { changeMark, markCodes, unmarked } from "../marks.ts";
import type { Marked, NotMarked } from "../positions.ts";
import { bigints, integers, seqsIn, seqsText, smallints, texts } from "./arrays.ts";
import { makeGather } from "./gather.ts";
import type { Shard } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";

interface Call {
  readonly user: string;
  readonly kind: MarkKind;
  readonly change: MarkChange;
}

/** A stream that the user follows, and how they have marked it. */
interface Standing {
  readonly at: number;
  readonly userId: number;
  readonly rev: number;
  readonly topic: string | null;
  readonly streamId: number;
  readonly since: number;
  /** 0: there is no such mark yet. */
  readonly version: number;
  readonly upTo: number;
  readonly except: string;
  /** As this server knows them; null where the stream isn't here. */
  readonly head: number | null;
  readonly trimmed: number | null;
}

interface Ends {
  readonly head: number;
  readonly trimmed: number;
}

/** A mark that calls of a run are about: as it was, and as it is after those that were decided so far. */
interface Held extends Ends {
  readonly standing: Standing;
  readonly code: number;
  mark: Mark;
  moved: boolean;
}

interface Written {
  readonly at: number;
  readonly rev: number;
}

const ends =
  "SELECT name, head, trimmed FROM streams WHERE name = ANY ($1::text[]) AND carillon_may_read($2::int[])";

/**
 * Of one stream that is followed, or of all; rows without a user don't come. OFFSET keeps the planner from reading all
 * of a user's marks for each stream.
 */
const standings = `
  SELECT (a.place - 1)::int AS at, own.id AS "userId", own.rev, f.topic, f.id AS "streamId", f.since,
    coalesce(m.version, 0) AS version, coalesce(m.up_to, 0) AS "upTo", coalesce(m.excepted::text, '{}') AS except,
    s.head, s.trimmed
  FROM unnest($1::text[], $2::text[], $3::smallint[], $4::int[])
      WITH ORDINALITY AS a(reader, topic, kind, every, place)
    JOIN streams own ON own.name = a.reader
    CROSS JOIN LATERAL (
      SELECT NULL AS topic, own.id, 0::bigint AS since WHERE a.topic IS NULL
      UNION ALL SELECT b.topic, b.topic_id, b.since FROM subscriptions b
        WHERE b.user_id = own.id AND (b.topic = a.topic OR a.every = 1)) f
    LEFT JOIN streams s ON s.id = f.id
    LEFT JOIN LATERAL (
      SELECT * FROM marks WHERE user_id = own.id AND stream_id = f.id AND marks.kind = a.kind OFFSET 0) m ON true
  WHERE carillon_may_read($5::int[])`;

/**
 * Who writes a mark holds the user's stream from then on, so that marks and revs move together; all of them are locked,
 * by id, before the first is written, because the sort takes all of its input first.
 */
const write = `
  WITH wanted AS MATERIALIZED (
    SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::smallint[], $4::int[], $5::bigint[], $6::text[])
      WITH ORDINALITY AS w(user_id, stream_id, kind, version, up_to, excepted, place)
    WHERE (SELECT carillon_may_write($7::int[]))),
  locked AS MATERIALIZED (
    SELECT id FROM streams WHERE id IN (SELECT user_id FROM wanted) AND name = ANY ($8::text[]) ORDER BY id FOR NO KEY UPDATE),
  written AS (
    INSERT INTO marks AS m(user_id, stream_id, kind, version, up_to, excepted)
    SELECT user_id, stream_id, kind, version + 1, up_to, excepted::bigint[]
    FROM wanted JOIN locked ON locked.id = user_id ORDER BY user_id, stream_id, kind
    ON CONFLICT (user_id, stream_id, kind) DO UPDATE
      SET version = excluded.version, up_to = excluded.up_to, excepted = excluded.excepted
      WHERE m.version = excluded.version - 1
    RETURNING user_id, stream_id, kind),
  raised AS (
    UPDATE streams SET rev = rev + 1 FROM (SELECT DISTINCT user_id FROM written) w WHERE id = w.user_id
    RETURNING id, rev)
  SELECT (place - 1)::int AS at, raised.rev
  FROM written JOIN wanted USING (user_id, stream_id, kind) JOIN raised ON raised.id = user_id`;

/** A call for all streams is about as many as 257. */
const manyWeigh = 32;

export function makeMarks({ of, partOf }: Shards) {
  const partsOf = (names: readonly StreamName[]): Buffer => integers([...new Set(names.map(partOf))]);

  const endsOf = makeGather<Shard, StreamName, Ends>(async (shard, names) => {
    const rows = await shard.query<Ends & { readonly name: string }>(ends, [texts(names), partsOf(names)]);
    const known = new Map(rows.map(({ name, head, trimmed }) => [name, { head, trimmed }]));
    return names.map((name) => known.get(name) ?? { head: 0, trimmed: 0 });
  });

  const standingsOf = (shard: Shard, calls: readonly Call[]): Promise<readonly Standing[]> => {
    const readers = calls.map(({ user }) => userStream(user));
    const named = calls.flatMap(({ change }) => ("all" in change ? [] : [change.stream]));
    return shard.query<Standing>(standings, [
      texts(readers),
      texts(
        calls.map(({ change }) =>
          "all" in change || !isTopicStream(change.stream) ? null : ownerOf(change.stream),
        ),
      ),
      smallints(calls.map(({ kind }) => markCodes[kind])),
      integers(calls.map(({ change }) => ("all" in change ? 1 : 0))),
      partsOf([...readers, ...named.filter((name) => of(name) === shard)]),
    ]);
  };

  const run = async (shard: Shard, calls: readonly Call[]): Promise<(Marked | NotMarked | "again")[]> => {
    const rows = await standingsOf(shard, calls);
    const held = new Map<string, Held>();
    const byCall = calls.map((): Held[] => []);
    await allOf(
      rows.map(async (standing) => {
        const { at, topic, head, trimmed, userId, streamId, upTo, except } = standing;
        const { user, kind } = calls[at]!;
        const stream = topic === null ? userStream(user) : topicStream(topic);
        const isHere = of(stream) === shard && head !== null && trimmed !== null;
        const { head: last, trimmed: gone } = isHere ? { head, trimmed } : await endsOf(of(stream), stream);
        const key = `${userId} ${streamId} ${kind}`;
        const mark = held.get(key) ?? {
          standing,
          code: markCodes[kind],
          head: last,
          trimmed: gone,
          mark: { upTo, except: seqsIn(except) },
          moved: false,
        };
        held.set(key, mark);
        byCall[at]!.push(mark);
      }),
    );

    const outcomes = calls.map(({ change }, at): NotMarked | null => {
      for (const one of byCall[at]!) {
        const { standing, head, trimmed } = one;
        const extent = { floor: Math.max(standing.since, trimmed), head };
        const changed = changeMark(one.mark, "all" in change ? { upTo: head } : change, extent);
        if (changed === "full") return "too-many";
        if (changed === null) continue;
        one.mark = changed;
        one.moved = true;
      }
      return null;
    });

    const moved = [...held.values()].filter((one) => one.moved);
    const revs = await written(shard, moved, calls);
    return calls.map(({ user, change }, at) => {
      const mine = byCall[at]!;
      if (mine.some((one) => one.moved && !revs.has(one))) return "again";
      if (outcomes[at]) return outcomes[at];
      const rev = Math.max(0, ...mine.map((one) => revs.get(one) ?? one.standing.rev));
      if ("all" in change) return { mark: null, rev };
      if (mine[0]) return { mark: mine[0].mark, rev };
      return change.stream === userStream(user) ? { mark: unmarked, rev: 0 } : "not-followed";
    });
  };

  /** The revs of those that were still as they had been. */
  const written = async (
    shard: Shard,
    moved: readonly Held[],
    calls: readonly Call[],
  ): Promise<ReadonlyMap<Held, number>> => {
    if (moved.length === 0) return new Map();
    const rows = await shard.query<Written>(write, [
      bigints(moved.map(({ standing }) => standing.userId)),
      bigints(moved.map(({ standing }) => standing.streamId)),
      smallints(moved.map(({ code }) => code)),
      integers(moved.map(({ standing }) => standing.version)),
      bigints(moved.map(({ mark }) => mark.upTo)),
      texts(moved.map(({ mark }) => seqsText(mark.except))),
      partsOf(calls.map(({ user }) => userStream(user))),
      texts(calls.map(({ user }) => userStream(user))),
    ]);
    return new Map(rows.map(({ at, rev }) => [moved[at]!, rev]));
  };

  const marking = makeGather<Shard, Call, Marked | NotMarked | "again">(run, {
    abreast: 1,
    weigh: ({ change }) => ("all" in change ? manyWeigh : 1),
  });

  return async function mark(user: string, kind: MarkKind, change: MarkChange): Promise<Marked | NotMarked> {
    const own = userStream(user);
    if ("stream" in change && change.stream !== own && !isTopicStream(change.stream)) return "not-followed";
    for (;;) {
      const marked = await marking(of(own), { user, kind, change });
      if (marked !== "again") return marked;
    }
  };
}
