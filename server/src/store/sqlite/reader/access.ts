import type { DatabaseSync } from "node:sqlite";
import type { ApiKey } from "../../access.ts";

type KeyRow = Omit<ApiKey, "scopes" | "sources"> & { readonly scopes: string; readonly sources: string };

const keyOf = (row: KeyRow): ApiKey => ({
  ...row,
  scopes: JSON.parse(row.scopes),
  sources: JSON.parse(row.sources),
});

export function makeAccessReads(db: DatabaseSync) {
  const columns = "name, hash, scopes, sources, created_at AS createdAt, expires_at AS expiresAt";
  const find = db.prepare(`SELECT ${columns} FROM api_keys WHERE hash = ?`);
  const list = db.prepare(`SELECT ${columns} FROM api_keys ORDER BY name`);

  return {
    findKey(hash: string): ApiKey | null {
      const row = find.get(hash) as KeyRow | undefined;
      return row ? keyOf(row) : null;
    },
    listKeys: (): readonly ApiKey[] => (list.all() as unknown as KeyRow[]).map(keyOf),
  };
}
