/**
 * The access port: API keys, revocations of tokens, and tickets that were used. Only hashes of keys are kept: what is
 * stored opens nothing.
 *
 * Contract for drivers: durable when resolved; reads that begin afterwards, in whatever process, see it; each call is
 * atomic among those of all processes. Failures are those of the streams port. What has run out (`until` has come, by
 * the backend's clock) is not told any more, counts for nothing, and is removed by a later call that writes.
 */
import type { Scope } from "@carillon/protocol/scopes";

export interface ApiKey {
  /** Unique, 1 to 64 characters; what logs and owners call the key. */
  readonly name: string;
  /** Hex of sha256 of the secret, which is 256 random bits: no salt or stretching is needed. */
  readonly hash: string;
  readonly scopes: readonly Scope[];
  /** The `source` values that it may send: exact, or a prefix that ends in `*`; `*` alone is any. */
  readonly sources: readonly string[];
  /** Times are whole milliseconds since the epoch. */
  readonly createdAt: number;
  readonly expiresAt: number | null;
}

/**
 * Tokens that are good no more: one by its id, else all that were issued before a time, of a user or of everybody.
 * One of each kind for a user, and for everybody; one for each token.
 */
export interface Revocation {
  /** Null: everybody's. */
  readonly user: string | null;
  /** The token's `jti`, 1 to 256 characters and only with a user; null: by when they were issued. */
  readonly tokenId: string | null;
  /** Whole milliseconds since the epoch, like `until`; null with a `tokenId`. */
  readonly issuedBefore: number | null;
  /** The last of these tokens has expired by then. */
  readonly until: number;
}

export interface RevocationPlace {
  readonly user: string | null;
  readonly tokenId: string | null;
}

export interface RevocationBounds {
  readonly perUser: number;
  readonly total: number;
}

/** How backends keep a revocation's place: no user's id has a `*`, and it sorts before all of them. */
export const placeOf = ({ user, tokenId }: RevocationPlace): [user: string, tokenId: string] => [
  user ?? "*",
  tokenId ?? "",
];
export const placeFrom = (user: string, tokenId: string): RevocationPlace => ({
  user: user === "*" ? null : user,
  tokenId: tokenId === "" ? null : tokenId,
});

export interface AccessDriver {
  /** False, and nothing changed, when the name or the hash is taken. */
  addKey(key: ApiKey): Promise<boolean>;
  findKey(hash: string): Promise<ApiKey | null>;
  listKeys(): Promise<readonly ApiKey[]>;
  /** False when there was none. */
  removeKey(name: string): Promise<boolean>;

  /**
   * Of what is kept in its place already, the larger `issuedBefore` and `until` stay. Answers with what is kept now;
   * null, and nothing changed, where there is none in its place and as many as allowed of the user's or in all.
   */
  revoke(revocation: Revocation, bounds: RevocationBounds): Promise<Revocation | null>;
  /** False when there was none. */
  unrevoke(place: RevocationPlace): Promise<boolean>;
  /** Behind a place, ascending by (user, tokenId), where null comes first; at most `limit`, which is 1 to 1,000. */
  revocations(after: RevocationPlace | null, limit: number): Promise<readonly Revocation[]>;
  /** As `revocations`, of one user alone and all of them: as many as the bounds allow. */
  revocationsOf(user: string | null): Promise<readonly Revocation[]>;
  /** True the first time only. `id` is 1 to 64 characters; it is remembered until `until`. */
  useTicket(id: string, until: number): Promise<boolean>;
}
