import type { DatabaseSync } from "node:sqlite";
import { lanesOf, showsSilent } from "../../inbox-lanes.ts";
import { makeInboxMerge, type Scan, type ScannedRow } from "../../inbox-merge.ts";
import type { InboxFilter, InboxWanted } from "../../queries.ts";
import type { PackedInbox } from "../inbox.ts";
import { unpackUnread } from "../unread.ts";
import type { makeUnreadRead } from "./unread.ts";

const isShown = `(kind = 0 OR (kind = 1 AND ?4)) AND (expires_at IS NULL OR expires_at > ?5)
  AND (?6 IS NULL OR created_at >= ?6)
  AND (?7 IS NULL OR json_extract(body, '$.type') = ?7)
  AND (?8 IS NULL OR json_extract(body, '$.source') = ?8)
  AND (?9 IS NULL OR json_extract(body, '$.topic') IN (SELECT value FROM json_each(?9)))`;

export function makeInboxRead(
  db: DatabaseSync,
  unread: ReturnType<typeof makeUnreadRead>,
  now: () => number,
): (wanted: InboxWanted) => PackedInbox {
  const range = db.prepare(
    `SELECT seq, created_at AS at, iif(${isShown}, octet_length(body), 0) AS size FROM notifications
     WHERE stream_id = ?1 AND seq BETWEEN ?2 AND ?3 ORDER BY seq DESC`,
  );
  const body = db.prepare("SELECT body FROM notifications WHERE stream_id = ? AND seq = ?");

  const scan = (id: number, { lane, ranges }: Scan, filter: InboxFilter, at: number): ScannedRow[] => {
    const { type, source, since, topics } = filter;
    const marked = lane === 0 && topics.length > 0 ? JSON.stringify(topics) : null;
    const silent = showsSilent(filter) ? 1 : 0;
    return ranges.flatMap(
      ({ low, high }) =>
        range.all(id, low, high, silent, at, since, type, source, marked) as unknown as ScannedRow[],
    );
  };

  return (wanted) => {
    const { filter, limit } = wanted;
    const at = now();
    const { packed, standings } = unread(wanted.user);
    const floors = standings.map(({ since, trimmed }) => Math.max(since, trimmed));
    const lanes = lanesOf(wanted, unpackUnread(packed).streams, floors);
    const merge = makeInboxMerge(lanes, limit, filter.since);
    for (let scans = merge.scans(); scans.length > 0; scans = merge.scans())
      for (const one of scans) merge.give(one, scan(standings[one.lane]!.id, one, filter, at));
    const { taken } = merge;
    return {
      unread: packed,
      lanes: taken.map(({ lane }) => lane),
      seqs: taken.map(({ seq }) => seq),
      bodies: taken.map(({ lane, seq }) => (body.get(standings[lane]!.id, seq) as { body: string }).body),
      next: merge.next(),
    };
  };
}
