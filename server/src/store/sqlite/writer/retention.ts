import type { Retained } from "../../retention.ts";
import type { Writing } from "./writing.ts";

interface Row {
  readonly id: number;
  readonly streamId: number;
  readonly seq: number;
  readonly createdAt: number;
}

/** Of free pages so many stay for what comes next, and moving them out would only be work. */
const keptPages = 4_096;
const keptShare = 1 / 8;

/** Rows are numbered as they came: the oldest are the first, and those of a stream are a prefix of it. */
export function makeRetention({ db, streams, now }: Writing) {
  const oldest = db.prepare(
    `SELECT id, stream_id AS streamId, seq, created_at AS createdAt
     FROM notifications ORDER BY id LIMIT ?`,
  );
  const remove = db.prepare("DELETE FROM notifications WHERE id <= ?");
  const removeReceipts = db.prepare(
    "DELETE FROM receipts WHERE id IN (SELECT id FROM receipts ORDER BY id LIMIT ?) AND created_at < ?",
  );
  const removeRejected = db.prepare(
    "DELETE FROM rejected WHERE id IN (SELECT id FROM rejected ORDER BY id LIMIT ?) AND created_at < ?",
  );
  const pageSize = (db.prepare("PRAGMA page_size").get() as { page_size: number }).page_size;
  const free = db.prepare("PRAGMA freelist_count");
  const count = db.prepare("PRAGMA page_count");
  const pages = (): number => (count.get() as { page_count: number }).page_count;
  const freePages = (): number => (free.get() as { freelist_count: number }).freelist_count;

  return {
    retain(keepMs: number, limit: number): Retained {
      const cutoff = now() - keepMs;
      const rows = oldest.all(limit) as unknown as Row[];
      const young = rows.findIndex(({ createdAt }) => createdAt >= cutoff);
      const old = young === -1 ? rows : rows.slice(0, young);
      for (const { streamId, seq } of new Map(old.map((row) => [row.streamId, row])).values()) {
        streams.trimTo(streamId, seq);
      }
      if (old.length > 0) remove.run(old.at(-1)!.id);
      if (old.length === limit) return { removed: limit, done: false };
      // No older row is left, so whose receipt is older has gone.
      const least = Math.min(cutoff, rows[old.length]?.createdAt ?? cutoff);
      const left = [removeReceipts, removeRejected].map((some) => Number(some.run(limit, least).changes));
      return { removed: old.length, done: left.every((count) => count < limit) };
    },

    giveBack(mostBytes: number, which: "worthwhile" | "all"): number {
      const before = freePages();
      const kept = which === "all" ? 0 : Math.max(keptPages, pages() * keptShare);
      if (before <= kept) return 0;
      db.exec(`PRAGMA incremental_vacuum(${Math.max(1, Math.floor(mostBytes / pageSize))})`);
      return (before - freePages()) * pageSize;
    },
  };
}
