import type { Writing } from "./writing.ts";

const tombstone = 2;

/** One bounded step: expired rows, trimmed rows, old identities. */
export function makeUpkeep({ db, identities, now }: Writing): (limit: number) => number {
  const expire = db.prepare(
    `UPDATE notifications SET kind = ${tombstone}, body = NULL WHERE id IN (
       SELECT id FROM notifications WHERE expires_at <= ? AND expires_at IS NOT NULL AND kind <> ${tombstone} LIMIT ?)`,
  );
  const trimmed = db.prepare(
    "SELECT id, trimmed FROM streams WHERE id = (SELECT stream_id FROM trims ORDER BY stream_id LIMIT 1)",
  );
  const removeRows = db.prepare(
    `DELETE FROM notifications WHERE id IN (
       SELECT id FROM notifications WHERE stream_id = ? AND seq <= ? ORDER BY seq LIMIT ?)`,
  );
  const removeReceipts = db.prepare(
    "DELETE FROM receipts WHERE id IN (SELECT id FROM receipts WHERE stream_id = ? AND seq <= ? LIMIT ?)",
  );
  const done = db.prepare("DELETE FROM trims WHERE stream_id = ?");

  const removeTrimmed = (limit: number): number => {
    let left = limit;
    while (left > 0) {
      const stream = trimmed.get() as { id: number; trimmed: number } | undefined;
      if (!stream) break;
      for (const remove of [removeRows, removeReceipts]) {
        if (left > 0) left -= Number(remove.run(stream.id, stream.trimmed, left).changes);
      }
      if (left > 0) done.run(stream.id);
    }
    return limit - left;
  };

  return (limit) => {
    let touched = Number(expire.run(now(), limit).changes);
    if (touched < limit) touched += removeTrimmed(limit - touched);
    if (touched < limit) touched += identities.prune(limit - touched, now());
    return touched;
  };
}
