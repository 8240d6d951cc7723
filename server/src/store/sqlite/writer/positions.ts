import { isTopicStream, type StreamName, userStream } from "@carillon/protocol/stream";
import { hashOfUser, lateMs } from "../../erasing.ts";
import type { Acknowledgement, DevicePosition } from "../../positions.ts";
import type { Writing } from "./writing.ts";

const devicesMost = 32;
const tombstone = 2;

export function makePositionWrites({ db, streams, now }: Writing) {
  const save = db.prepare(
    `INSERT INTO devices(user_id, device, cursor, seen) VALUES (?1, ?2, ?3,
       max(?4, 1 + coalesce((SELECT max(seen) FROM devices WHERE user_id = ?1), 0)))
     ON CONFLICT (user_id, device) DO UPDATE SET cursor = excluded.cursor, seen = excluded.seen`,
  );
  const evict = db.prepare(
    `DELETE FROM devices WHERE user_id = ?1 AND device IN (
       SELECT device FROM devices WHERE user_id = ?1 ORDER BY seen DESC LIMIT -1 OFFSET ${devicesMost})`,
  );
  const erased = db.prepare("SELECT at FROM erasures WHERE hash = ?");
  const since = db.prepare("SELECT since FROM subscriptions WHERE user = ? AND topic_id = ?");
  const acknowledged = db.prepare("SELECT max(seq) AS seq FROM receipts WHERE stream_id = ? AND user = ?");
  const receive = db.prepare(
    `INSERT INTO receipts(stream_id, seq, user, created_at)
     SELECT stream_id, seq, ?, ? FROM notifications
     WHERE stream_id = ? AND receipt = 1 AND kind <> ${tombstone} AND seq > ? AND seq <= ? ORDER BY seq`,
  );

  const startOf = (user: string, stream: StreamName, id: number): number | undefined =>
    isTopicStream(stream) ? (since.get(user, id) as { since: number } | undefined)?.since : 0;

  return {
    saveDevices(positions: readonly DevicePosition[]): void {
      for (const { user, device, cursor } of positions) {
        const erasedAt = (erased.get(hashOfUser(user)) as { at: number } | undefined)?.at;
        if (erasedAt !== undefined && now() < erasedAt + lateMs) continue;
        const { id } = streams.ensure(userStream(user));
        save.run(id, device, cursor, Math.floor(now()));
        evict.run(id);
      }
    },

    acknowledge(acknowledgements: readonly Acknowledgement[]): void {
      for (const { user, stream, upTo } of acknowledgements) {
        const state = streams.find(stream);
        const start = state && startOf(user, stream, state.id);
        if (!state || start === undefined) continue;
        const { seq } = acknowledged.get(state.id, user) as { seq: number | null };
        receive.run(user, now(), state.id, Math.max(start, seq ?? 0, state.trimmed), upTo);
      }
    },
  };
}
