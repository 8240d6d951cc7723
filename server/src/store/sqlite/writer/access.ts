import type { ApiKey } from "../../access.ts";
import type { Writing } from "./writing.ts";

export function makeAccessWrites({ db }: Writing) {
  const insert = db.prepare(
    `INSERT OR IGNORE INTO api_keys(hash, name, scopes, sources, created_at, expires_at)
     VALUES (?, ?, ?, ?, ?, ?)`,
  );
  const remove = db.prepare("DELETE FROM api_keys WHERE name = ?");

  return {
    addKey({ hash, name, scopes, sources, createdAt, expiresAt }: ApiKey): boolean {
      const scopesJson = JSON.stringify(scopes);
      return insert.run(hash, name, scopesJson, JSON.stringify(sources), createdAt, expiresAt).changes === 1;
    },
    removeKey: (name: string): boolean => remove.run(name).changes === 1,
  };
}
