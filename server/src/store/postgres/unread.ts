/**
 * What users have not read. On one server that is one statement, so one view of everything.
 *
 * With several, the user's server is asked first, for the rev, the marks and what is followed, and then each topic's
 * server for its head and what counts up to it. Each count is exact for the head beside it; what the user does in
 * between has a newer rev than the one told, so that whoever compares revs asks again.
 */
import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import { markOf } from "../marks.ts";
import type { Unread, UnreadStream } from "../positions.ts";
import { bigints, integers, seqsIn, texts } from "./arrays.ts";
import { isOutOfTime } from "./failure.ts";
import { makeGather } from "./gather.ts";
import type { Shard } from "./shard.ts";
import { allOf, type Shards } from "./shards.ts";

interface Followed {
  readonly user: StreamName;
  readonly epoch: number;
  readonly rev: number;
  /** Null: the user's own stream. */
  readonly topic: string | null;
  readonly readUpTo: number;
  /** Single ones, as text of an array. */
  readonly readExcept: string;
  readonly archiveUpTo: number;
  readonly archiveExcept: string;
}

interface Counted {
  readonly head: number;
  readonly count: number;
  readonly unseen: number;
}

export interface Standing extends Followed {
  /** Null: nothing was ever written to it. */
  readonly id: number | null;
  readonly since: number;
  readonly seenUpTo: number;
}

const followed = `name AS user, epoch, rev, topic, read_up_to AS "readUpTo", read_excepted AS "readExcept",
  archive_up_to AS "archiveUpTo", archive_excepted AS "archiveExcept"`;

const everything = `SELECT ${followed}, head, count, unseen FROM carillon_unread($1, $2)`;

/** The user's own stream and the topics that they follow, as the user's server knows them. */
const standings = `SELECT ${followed}, id, since, seen_up_to AS "seenUpTo" FROM carillon_standings($1, $2)`;

const counts = `
  SELECT (place - 1)::int AS at, head, count, unseen FROM carillon_counts($1, $2, $3, $4, $5, $6, $7, $8)`;

const nothing: Counted = { head: 0, count: 0, unseen: 0 };
const streamOf = ({ user, topic }: Followed): StreamName => (topic === null ? user : topicStream(topic));

export function unreadOf(rows: readonly (Followed & Counted)[]): Unread {
  const streams = rows.map(
    (row): UnreadStream => ({
      stream: streamOf(row),
      count: row.count,
      unseen: row.unseen,
      head: row.head,
      read: markOf(row.readUpTo, seqsIn(row.readExcept)),
      archive: markOf(row.archiveUpTo, seqsIn(row.archiveExcept)),
    }),
  );
  const { epoch, rev } = rows[0]!;
  return {
    epoch,
    rev,
    total: streams.reduce((sum, { count }) => sum + count, 0),
    unseen: streams.reduce((sum, { unseen }) => sum + unseen, 0),
    streams,
  };
}

const partsWith =
  (partOf: Shards["partOf"]) =>
  (names: readonly StreamName[]): Buffer =>
    integers([...new Set(names.map(partOf))]);

/** How users stand in all that they follow, counted stream by stream, on whichever servers those are. */
export function makeStandings({ grouped, partOf }: Shards) {
  const partsOf = partsWith(partOf);

  const counted = async (rows: readonly Standing[]): Promise<(Standing & Counted)[]> => {
    const found = new Map<Standing, Counted>();
    const groups = grouped(
      rows.filter(({ id }) => id !== null),
      streamOf,
    );
    const ask = async (shard: Shard, group: readonly Standing[]): Promise<void> => {
      const answers = await shard.query<Counted & { readonly at: number }>(counts, [
        bigints(group.map(({ id }) => id)),
        bigints(group.map(({ since }) => since)),
        bigints(group.map(({ readUpTo }) => readUpTo)),
        texts(group.map(({ readExcept }) => readExcept)),
        bigints(group.map(({ archiveUpTo }) => archiveUpTo)),
        texts(group.map(({ archiveExcept }) => archiveExcept)),
        bigints(group.map(({ seenUpTo }) => seenUpTo)),
        partsOf(group.map(streamOf)),
      ]);
      for (const { at, ...count } of answers) found.set(group[at]!, count);
    };
    await allOf(Array.from(groups, ([shard, group]) => ask(shard, group)));
    return rows
      .map((row) => ({ ...row, ...(found.get(row) ?? nothing) }))
      .sort((a, b) => ((a.topic ?? "") < (b.topic ?? "") ? -1 : 1));
  };

  return async (shard: Shard, users: readonly StreamName[]): Promise<(Standing & Counted)[]> =>
    counted(await shard.query<Standing>(standings, [texts(users), partsOf(users)]));
}

export function makeUnread(shards: Shards) {
  const { all, of, partOf } = shards;
  const partsOf = partsWith(partOf);
  const standingsOf = makeStandings(shards);

  const unreadOfAll = async (shard: Shard, users: readonly StreamName[]): Promise<Unread[]> => {
    const rows: readonly (Followed & Counted)[] =
      all.length === 1
        ? await shard.query<Followed & Counted>(everything, [texts(users), partsOf(users)])
        : await standingsOf(shard, users);
    const byUser = new Map(users.map((user): [StreamName, (Followed & Counted)[]] => [user, []]));
    for (const row of rows) byUser.get(row.user)!.push(row);
    return users.map((user) => unreadOf(byUser.get(user)!));
  };

  /** One who has too much to count in time keeps nobody else from being told. */
  const gathered = makeGather<Shard, StreamName, Unread>(async (shard, users) => {
    try {
      return await unreadOfAll(shard, users);
    } catch (error) {
      if (users.length === 1 || !isOutOfTime(error)) throw error;
      return users.map(async (user) => (await unreadOfAll(shard, [user]))[0]!);
    }
  });

  return (user: string): Promise<Unread> => gathered(of(userStream(user)), userStream(user));
}
