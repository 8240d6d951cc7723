import type { DatabaseSync } from "node:sqlite";
import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import { isMarkedIn, joinMark } from "../marked.ts";
import type { PackedUnread } from "../unread.ts";

export interface Standing {
  readonly id: number;
  readonly since: number;
  readonly trimmed: number;
  readonly newest: number | null;
  readonly readUpTo: number;
  readonly readExcept: string;
  readonly archiveUpTo: number;
  readonly archiveExcept: string;
  readonly seenUpTo: number;
}

interface Counted {
  readonly count: number;
  readonly unseen: number;
}

const none = "[]";
const unwritten: Standing = {
  id: 0,
  since: 0,
  trimmed: 0,
  newest: null,
  readUpTo: 0,
  readExcept: none,
  archiveUpTo: 0,
  archiveExcept: none,
  seenUpTo: 0,
};

const columns = `streams.id, trimmed,
  (SELECT max(seq) FROM notifications WHERE stream_id = streams.id) AS newest,
  coalesce(r.up_to, 0) AS readUpTo, coalesce(r.excepted, '${none}') AS readExcept,
  coalesce(a.up_to, 0) AS archiveUpTo, coalesce(a.excepted, '${none}') AS archiveExcept,
  coalesce(s.up_to, 0) AS seenUpTo`;
const marks = (user: string): string => `
  ${joinMark("r", "read", user, "streams.id")}
  ${joinMark("a", "archive", user, "streams.id")}
  ${joinMark("s", "seen", user, "streams.id")}`;

const isUncounted = "(kind <> 0 OR expires_at IS NOT NULL) AND (kind <> 0 OR expires_at <= ?)";

export function makeUnreadRead(db: DatabaseSync, now: () => number) {
  const epoch = db.prepare("SELECT epoch FROM meta");
  const own = db.prepare(
    `SELECT rev, 0 AS since, ${columns} FROM streams ${marks("streams.id")} WHERE name = ?`,
  );
  const topics = db.prepare(
    `SELECT topics.name AS topic, since, ${columns}
     FROM subscriptions JOIN topics ON topics.stream_id = topic_id JOIN streams ON streams.id = topic_id
       ${marks("?1")}
     WHERE user = ?2 ORDER BY topics.name`,
  );
  const uncounted = db.prepare(
    `SELECT count(*) AS count, count(*) FILTER (WHERE seq > ?) AS unseen
     FROM notifications INDEXED BY notifications_uncounted
     WHERE stream_id = ? AND seq > ? AND ${isUncounted}`,
  );
  /** What single marks add to a count of all that lie behind a place, and take from it. */
  const singles = db.prepare(
    `SELECT coalesce(sum(more), 0) AS count, coalesce(sum(more) FILTER (WHERE seq > ?), 0) AS unseen
     FROM (
       SELECT one.seq, CASE
           WHEN one.seq > ? THEN -1
           ELSE NOT (${isMarkedIn("r", "one.seq")} OR ${isMarkedIn("a", "one.seq")})
         END AS more
       FROM (SELECT id, ? AS user FROM streams WHERE id = ?) AS stream
         ${joinMark("r", "read", "stream.user", "stream.id")}
         ${joinMark("a", "archive", "stream.user", "stream.id")}
         JOIN (SELECT value AS seq FROM json_each(?) UNION SELECT value FROM json_each(?)) AS one
       WHERE one.seq > ?
     ) AS single
     WHERE more <> 0 AND NOT EXISTS (
       SELECT 1 FROM notifications INDEXED BY notifications_uncounted
       WHERE stream_id = ? AND seq = single.seq AND ${isUncounted})`,
  );

  const headOf = ({ trimmed, newest }: Standing): number => Math.max(trimmed, newest ?? 0);

  const countOf = (userId: number, standing: Standing, at: number): Counted => {
    const { id, since, trimmed, readUpTo, readExcept, archiveUpTo, archiveExcept, seenUpTo } = standing;
    const head = headOf(standing);
    const floor = Math.max(since, trimmed);
    const behind = Math.max(floor, readUpTo, archiveUpTo);
    let count = Math.max(0, head - behind);
    let unseen = Math.max(0, head - Math.max(behind, seenUpTo));
    if (count > 0) {
      const less = uncounted.get(seenUpTo, id, behind, at) as unknown as Counted;
      count -= less.count;
      unseen -= less.unseen;
    }
    if (readExcept !== none || archiveExcept !== none) {
      const more = singles.get(
        seenUpTo,
        behind,
        userId,
        id,
        readExcept,
        archiveExcept,
        floor,
        id,
        at,
      ) as unknown as Counted;
      count += more.count;
      unseen += more.unseen;
    }
    return { count, unseen };
  };

  /** With how the user stands in each of the streams, as they were counted. */
  return (user: string): { readonly packed: PackedUnread; readonly standings: readonly Standing[] } => {
    const at = now();
    const mine = own.get(userStream(user)) as unknown as (Standing & { readonly rev: number }) | undefined;
    const followed = topics.all(mine?.id ?? null, user) as unknown as (Standing & {
      readonly topic: string;
    })[];
    const standings: Standing[] = [mine ?? unwritten, ...followed];
    const names: StreamName[] = [userStream(user), ...followed.map(({ topic }) => topicStream(topic))];
    const counted = standings.map((standing) => countOf(mine?.id ?? 0, standing, at));
    const packed = {
      epoch: (epoch.get() as { epoch: number }).epoch,
      rev: mine?.rev ?? 0,
      streams: names,
      counts: counted.map(({ count }) => count),
      unseen: counted.map(({ unseen }) => unseen),
      heads: standings.map(headOf),
      read: {
        upTo: standings.map(({ readUpTo }) => readUpTo),
        except: standings.map(({ readExcept }) => readExcept),
      },
      archive: {
        upTo: standings.map(({ archiveUpTo }) => archiveUpTo),
        except: standings.map(({ archiveExcept }) => archiveExcept),
      },
    };
    return { packed, standings };
  };
}
