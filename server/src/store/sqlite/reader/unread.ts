import type { DatabaseSync } from "node:sqlite";
import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import type { PackedUnread } from "../unread.ts";

interface Followed {
  readonly id: number;
  readonly trimmed: number;
  readonly newest: number | null;
  readonly readSeq: number;
}

export function makeUnreadReads(db: DatabaseSync, now: () => number) {
  const newest = "(SELECT max(seq) FROM notifications WHERE stream_id = streams.id) AS newest";
  const epoch = db.prepare("SELECT epoch FROM meta");
  const own = db.prepare(
    `SELECT id, trimmed, rev, ${newest}, coalesce(read_seq, 0) AS readSeq
     FROM streams LEFT JOIN positions ON user_id = id AND stream_id = id WHERE name = ?`,
  );
  const topics = db.prepare(
    `SELECT streams.id, topics.name AS topic, since, trimmed, ${newest}, coalesce(read_seq, 0) AS readSeq
     FROM subscriptions JOIN topics ON topics.stream_id = topic_id JOIN streams ON streams.id = topic_id
       LEFT JOIN positions ON positions.user_id = ? AND positions.stream_id = topic_id
     WHERE user = ? ORDER BY topics.name`,
  );
  const uncounted = db.prepare(
    `SELECT count(*) AS count FROM notifications INDEXED BY notifications_uncounted
     WHERE stream_id = ? AND seq > ? AND (kind <> 0 OR expires_at IS NOT NULL) AND (kind <> 0 OR expires_at <= ?)`,
  );

  return {
    unread(user: string): PackedUnread {
      const at = now();
      const mine = own.get(userStream(user)) as (Followed & { readonly rev: number }) | undefined;
      const followed = topics.all(mine?.id ?? null, user) as unknown as (Followed & {
        readonly topic: string;
        readonly since: number;
      })[];
      const streams: StreamName[] = [];
      const counts: number[] = [];
      const heads: number[] = [];
      const readSeqs: number[] = [];
      const add = (stream: StreamName, since: number, row: Followed | undefined): void => {
        const { id = 0, trimmed = 0, newest: last = null, readSeq = 0 } = row ?? {};
        const head = Math.max(trimmed, last ?? 0);
        const begin = Math.max(readSeq, since, trimmed);
        const some = head > begin ? head - begin : 0;
        const less = some === 0 ? 0 : (uncounted.get(id, begin, at) as { count: number }).count;
        streams.push(stream);
        counts.push(some - less);
        heads.push(head);
        readSeqs.push(readSeq);
      };
      add(userStream(user), 0, mine);
      for (const row of followed) add(topicStream(row.topic), row.since, row);
      return {
        epoch: (epoch.get() as { epoch: number }).epoch,
        rev: mine?.rev ?? 0,
        streams,
        counts,
        heads,
        readSeqs,
      };
    },
  };
}
