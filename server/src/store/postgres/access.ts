import { type AccessDriver, type ApiKey, placeFrom, placeOf, type Revocation } from "../access.ts";
import type { Shards } from "./shards.ts";

type KeyRow = Omit<ApiKey, "scopes" | "sources"> & { readonly scopes: string; readonly sources: string };

const columns = `name, hash, scopes, sources, created_at AS "createdAt", expires_at AS "expiresAt"`;
const insert = `
  INSERT INTO api_keys(hash, name, scopes, sources, created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6)
  ON CONFLICT DO NOTHING RETURNING 1`;

const revokeStatement = `SELECT issued_before AS "issuedBefore", until FROM carillon_revoke($1, $2, $3, $4, $5, $6)`;
const unrevokeStatement = `DELETE FROM revocations
  WHERE user_name = $1 AND token_id = $2 AND until > carillon_now() RETURNING 1`;
const revoked = `SELECT user_name AS "user", token_id AS "tokenId", issued_before AS "issuedBefore", until
  FROM revocations WHERE until > carillon_now()`;
/** Removing what has run out locks no row that another does, so that two who use tickets don't wait for each other. */
const ticketStatement = `WITH swept AS (
    DELETE FROM used_tickets WHERE id IN (
      SELECT id FROM used_tickets WHERE until <= carillon_now() LIMIT 100 FOR UPDATE SKIP LOCKED))
  INSERT INTO used_tickets(id, until) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1`;

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
  async revoke(revocation, { perUser, total }) {
    const { user, tokenId, issuedBefore, until } = revocation;
    const values = [...placeOf(revocation), issuedBefore, until, perUser, total];
    const [kept] = await home.query<Pick<Revocation, "issuedBefore" | "until">>(revokeStatement, values);
    return kept === undefined ? null : { user, tokenId, issuedBefore: kept.issuedBefore, until: kept.until };
  },
  async unrevoke(place) {
    return (await home.query(unrevokeStatement, placeOf(place))).length === 1;
  },
  async revocations(after, limit) {
    const place = after === null ? ["", ""] : placeOf(after);
    const rows = await home.query<RevocationRow>(
      `${revoked} AND (user_name, token_id) > ($1, $2) ORDER BY user_name, token_id LIMIT $3`,
      [...place, limit],
    );
    return rows.map(revocationOf);
  },
  async revocationsOf(user) {
    const ofUser = `${revoked} AND user_name = $1 ORDER BY token_id`;
    return (await home.query<RevocationRow>(ofUser, [user ?? "*"])).map(revocationOf);
  },
  async useTicket(id, until) {
    return (await home.query(ticketStatement, [id, until])).length === 1;
  },
});
