import type { DatabaseSync } from "node:sqlite";
import type { Kind } from "../../streams.ts";
import { receiptFlag } from "../batch.ts";
import type { PackedHeads, PackedPage } from "../pages.ts";

const pageBytes = 1 << 20;

interface StreamRow {
  readonly id: number;
  readonly trimmed: number;
  readonly rev: number;
  readonly newest: number | null;
  readonly receiptSeq: number | null;
}

type NotificationRow = readonly [Kind, number, number | null, string | null];

export function makeStreamReads(db: DatabaseSync) {
  const stream = db.prepare(
    `SELECT id, trimmed, rev, (SELECT max(seq) FROM notifications WHERE stream_id = streams.id) AS newest,
       (SELECT max(seq) FROM notifications
        WHERE stream_id = streams.id AND receipt = 1 AND seq > streams.trimmed) AS receiptSeq
     FROM streams WHERE name = ?`,
  );
  const page = db.prepare(
    `SELECT kind, receipt, expires_at, body FROM notifications
     WHERE stream_id = ? AND seq > ? ORDER BY seq LIMIT ?`,
  );
  page.setReturnArrays(true);
  const epoch = db.prepare("SELECT epoch FROM meta");
  const progress = db.prepare("SELECT next FROM log_progress WHERE part = ?");

  const headOf = (row: StreamRow | undefined): number => (row ? Math.max(row.trimmed, row.newest ?? 0) : 0);

  return {
    read(name: string, after: number, limit: number): PackedPage {
      const row = stream.get(name) as StreamRow | undefined;
      const trimmed = row?.trimmed ?? 0;
      const from = Math.max(after, trimmed);
      const flags: number[] = [];
      const expires: (number | null)[] = [];
      const bodies: (string | null)[] = [];
      const packed = { head: headOf(row), first: trimmed + 1, from, flags, expires, bodies };
      if (!row || from >= packed.head) return packed;
      let size = 0;
      for (const found of page.iterate(
        row.id,
        from,
        limit,
      ) as Iterable<unknown> as Iterable<NotificationRow>) {
        const [kind, receipt, expiresAt, body] = found;
        size += body?.length ?? 0;
        if (size > pageBytes && flags.length > 0) break;
        flags.push(receipt ? kind | receiptFlag : kind);
        expires.push(expiresAt);
        bodies.push(body);
      }
      return packed;
    },

    heads(names: readonly string[]): PackedHeads {
      const rows = names.map((name) => stream.get(name) as StreamRow | undefined);
      return {
        epoch: (epoch.get() as { epoch: number }).epoch,
        heads: rows.map(headOf),
        trimmed: rows.map((row) => row?.trimmed ?? 0),
        revs: rows.map((row) => row?.rev ?? 0),
        receiptSeqs: rows.map((row) => row?.receiptSeq ?? 0),
      };
    },

    progress: (part: number): string | null =>
      (progress.get(part) as { next: string } | undefined)?.next ?? null,
  };
}
