import type { DatabaseSync } from "node:sqlite";
import { type ApiKey, placeFrom, placeOf, type Revocation, type RevocationPlace } from "../../access.ts";

type KeyRow = Omit<ApiKey, "scopes" | "sources"> & { readonly scopes: string; readonly sources: string };

const keyOf = (row: KeyRow): ApiKey => ({
  ...row,
  scopes: JSON.parse(row.scopes),
  sources: JSON.parse(row.sources),
});

interface RevocationRow {
  readonly user: string;
  readonly tokenId: string;
  readonly issuedBefore: number | null;
  readonly until: number;
}

const revocationOf = ({ user, tokenId, issuedBefore, until }: RevocationRow): Revocation => ({
  ...placeFrom(user, tokenId),
  issuedBefore,
  until,
});

export function makeAccessReads(db: DatabaseSync, now: () => number) {
  const columns = "name, hash, scopes, sources, created_at AS createdAt, expires_at AS expiresAt";
  const find = db.prepare(`SELECT ${columns} FROM api_keys WHERE hash = ?`);
  const list = db.prepare(`SELECT ${columns} FROM api_keys ORDER BY name`);
  const revoked = "SELECT user, token_id AS tokenId, issued_before AS issuedBefore, until FROM revocations";
  const page = db.prepare(
    `${revoked} WHERE (user, token_id) > (?, ?) AND until > ? ORDER BY user, token_id LIMIT ?`,
  );
  const ofUser = db.prepare(`${revoked} WHERE user = ? AND until > ? ORDER BY token_id`);

  return {
    findKey(hash: string): ApiKey | null {
      const row = find.get(hash) as KeyRow | undefined;
      return row ? keyOf(row) : null;
    },
    listKeys: (): readonly ApiKey[] => (list.all() as unknown as KeyRow[]).map(keyOf),
    revocations(after: RevocationPlace | null, limit: number): readonly Revocation[] {
      const place = after === null ? ["", ""] : placeOf(after);
      return (page.all(...place, now(), limit) as unknown as RevocationRow[]).map(revocationOf);
    },
    revocationsOf: (user: string | null): readonly Revocation[] =>
      (ofUser.all(user ?? "*", now()) as unknown as RevocationRow[]).map(revocationOf),
  };
}
