import type { DatabaseSync } from "node:sqlite";
import { userStream } from "@carillon/protocol/stream";

export function makePositionReads(db: DatabaseSync) {
  const streamId = "(SELECT id FROM streams WHERE name = ?)";
  const device = db.prepare(`SELECT cursor FROM devices WHERE user_id = ${streamId} AND device = ?`);
  const count = db.prepare(
    `SELECT count(*) AS total FROM receipts WHERE stream_id = ${streamId} AND seq = ?`,
  );
  const received = db.prepare(
    `SELECT user, created_at AS at FROM receipts WHERE stream_id = ${streamId} AND seq = ? ORDER BY id LIMIT ?`,
  );

  return {
    findDevice: (user: string, name: string): string | null =>
      (device.get(userStream(user), name) as { cursor: string } | undefined)?.cursor ?? null,

    receipts(stream: string, seq: number, limit: number) {
      const { total } = count.get(stream, seq) as { total: number };
      return { total, users: received.all(stream, seq, limit) as { user: string; at: number }[] };
    },
  };
}
