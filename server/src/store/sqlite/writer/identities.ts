import type { DatabaseSync } from "node:sqlite";

export interface Identity {
  readonly digest: string;
  readonly seq: number;
  readonly createdAt: number;
}

/** Who was stored within the window. `now` is the transaction's. */
export interface Identities {
  find(streamId: number, key: string, now: number): Identity | undefined;
  /** Only after `find` found none. */
  add(streamId: number, key: string, digest: string, seq: number, now: number): void;
  /** Forgets at most `limit` that are beyond the window; says how many. */
  prune(limit: number, now: number): number;
}

export function makeIdentities(db: DatabaseSync, windowMs: number): Identities {
  const select = db.prepare(
    "SELECT digest, seq, created_at AS createdAt FROM identities WHERE stream_id = ? AND key = ?",
  );
  const insert = db.prepare(
    "INSERT OR REPLACE INTO identities(stream_id, key, digest, seq, created_at) VALUES (?, ?, ?, ?, ?)",
  );
  const remove = db.prepare(
    "DELETE FROM identities WHERE id IN (SELECT id FROM identities WHERE created_at < ? ORDER BY id LIMIT ?)",
  );
  return {
    find(streamId, key, now) {
      const found = select.get(streamId, key) as Identity | undefined;
      return found && found.createdAt >= now - windowMs ? found : undefined;
    },
    add: (streamId, key, digest, seq, now) => void insert.run(streamId, key, digest, seq, now),
    prune: (limit, now) => Number(remove.run(now - windowMs, limit).changes),
  };
}
