import type { Writing } from "./writing.ts";

const tombstone = 2;

interface Trim {
  readonly id: number;
  readonly trimmed: number;
  readonly buried: number;
}

interface Old {
  readonly id: number;
  readonly createdAt: number;
}

/**
 * Removes the rows of trimmed streams in bounded steps. Within the identity window a row loses its body only: its
 * key still says that it was here.
 */
export function makeTrimming({ db, identities, now }: Writing): (limit: number) => number {
  const next = db.prepare(
    `SELECT id, trimmed, buried FROM trims JOIN streams ON streams.id = stream_id
     WHERE due_at <= ? ORDER BY due_at LIMIT 1`,
  );
  const oldest = db.prepare(
    `SELECT id, created_at AS createdAt FROM notifications
     WHERE stream_id = ? AND seq <= ? ORDER BY seq LIMIT ?`,
  );
  const newest = db.prepare(
    `SELECT created_at AS createdAt FROM notifications
     WHERE stream_id = ? AND seq <= ? ORDER BY seq DESC LIMIT 1`,
  );
  const remove = db.prepare("DELETE FROM notifications WHERE id = ?");
  const unburied = db.prepare(
    `SELECT max(seq) AS upTo FROM (
       SELECT seq FROM notifications WHERE stream_id = ? AND seq > ? AND seq <= ? ORDER BY seq LIMIT ?)`,
  );
  const bury = db.prepare(
    `UPDATE notifications SET kind = ${tombstone}, body = NULL, receipt = 0
     WHERE stream_id = ? AND seq > ? AND seq <= ?`,
  );
  const removeReceipts = db.prepare(
    "DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE stream_id = ? AND seq <= ? LIMIT ?)",
  );
  const setBuried = db.prepare("UPDATE trims SET buried = ? WHERE stream_id = ?");
  const setDue = db.prepare("UPDATE trims SET due_at = ? WHERE stream_id = ?");
  const done = db.prepare("DELETE FROM trims WHERE stream_id = ?");

  const removeOld = ({ id, trimmed }: Trim, limit: number): number => {
    const rows = oldest.all(id, trimmed, limit) as unknown as Old[];
    const cutoff = identities.cutoff(now());
    const young = rows.findIndex((row) => row.createdAt >= cutoff);
    const old = young === -1 ? rows : rows.slice(0, young);
    for (const row of old) remove.run(row.id);
    return old.length;
  };

  const buryYoung = ({ id, trimmed, buried }: Trim, limit: number): number => {
    if (buried >= trimmed) return 0;
    const { upTo } = unburied.get(id, buried, trimmed, limit) as { upTo: number | null };
    setBuried.run(upTo ?? trimmed, id);
    return upTo === null ? 0 : Number(bury.run(id, buried, upTo).changes);
  };

  const finish = ({ id, trimmed }: Trim): void => {
    const row = newest.get(id, trimmed) as Old | undefined;
    if (row) setDue.run(identities.dueAt(row.createdAt), id);
    else done.run(id);
  };

  return (limit) => {
    let left = limit;
    while (left > 0) {
      const trim = next.get(now()) as unknown as Trim | undefined;
      if (!trim) break;
      left -= removeOld(trim, left);
      if (left > 0) left -= Number(removeReceipts.run(trim.id, trim.trimmed, left).changes);
      if (left > 0) left -= buryYoung(trim, left);
      if (left > 0 && trim.buried >= trim.trimmed) finish(trim);
    }
    return limit - left;
  };
}
