import type { AccessDriver, ApiKey } from "../access.ts";
import type { Shards } from "./shards.ts";

type KeyRow = Omit<ApiKey, "scopes" | "sources"> & { readonly scopes: string; readonly sources: string };

const columns = `name, hash, scopes, sources, created_at AS "createdAt", expires_at AS "expiresAt"`;
const insert = `
  INSERT INTO api_keys(hash, name, scopes, sources, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT DO NOTHING RETURNING 1`;

const keyOf = (row: KeyRow): ApiKey => ({
  ...row,
  scopes: JSON.parse(row.scopes),
  sources: JSON.parse(row.sources),
});

export const makeAccess = ({ home }: Shards): AccessDriver => ({
  async addKey({ hash, name, scopes, sources, createdAt, expiresAt }) {
    const values = [hash, name, JSON.stringify(scopes), JSON.stringify(sources), createdAt, expiresAt];
    return (await home.query(insert, values)).length === 1;
  },
  async findKey(hash) {
    const [row] = await home.query<KeyRow>(`SELECT ${columns} FROM api_keys WHERE hash = $1`, [hash]);
    return row ? keyOf(row) : null;
  },
  async listKeys() {
    return (await home.query<KeyRow>(`SELECT ${columns} FROM api_keys ORDER BY name`, [])).map(keyOf);
  },
  async removeKey(name) {
    return (await home.query("DELETE FROM api_keys WHERE name = $1 RETURNING 1", [name])).length === 1;
  },
});
