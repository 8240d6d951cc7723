import type { Erasing } from "./erasing.ts";
import { makeTrimming } from "./trimming.ts";
import type { Writing } from "./writing.ts";

const tombstone = 2;
const deviceKeptMs = 90 * 86_400_000;

/** One bounded step: expired rows, trimmed rows, old identities, devices long unseen. */
export function makeUpkeep(
  writing: Writing,
  { continueErasing }: Pick<Erasing, "continueErasing">,
): { upkeep(limit: number): number } {
  const { db, identities, now } = writing;
  const expire = db.prepare(
    `UPDATE notifications SET kind = ${tombstone}, body = NULL WHERE id IN (
       SELECT id FROM notifications WHERE expires_at <= ? AND expires_at IS NOT NULL AND kind <> ${tombstone} LIMIT ?)`,
  );
  const removeDevices = db.prepare(
    `DELETE FROM devices WHERE (user_id, device) IN (
       SELECT user_id, device FROM devices WHERE seen < ? ORDER BY seen LIMIT ?)`,
  );
  const removeTickets = db.prepare(
    "DELETE FROM used_tickets WHERE id IN (SELECT id FROM used_tickets WHERE until <= ? LIMIT ?)",
  );
  const removeTrimmed = makeTrimming(writing);

  return {
    upkeep(limit) {
      if (!continueErasing(Math.min(limit, 10_000)).done) return limit;
      let left = limit - Number(expire.run(now(), limit).changes);
      if (left > 0) left -= removeTrimmed(left);
      if (left > 0) left -= identities.prune(left, now());
      if (left > 0) left -= Number(removeDevices.run(now() - deviceKeptMs, left).changes);
      if (left > 0) left -= Number(removeTickets.run(now(), left).changes);
      return limit - left;
    },
  };
}
