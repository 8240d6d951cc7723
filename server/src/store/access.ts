/**
 * The access port: API keys. Only hashes are kept: what is stored opens nothing.
 *
 * Contract for drivers: durable when resolved; reads that begin afterwards see it. Failures are those of the
 * streams port.
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

export interface AccessDriver {
  /** False, and nothing changed, when the name or the hash is taken. */
  addKey(key: ApiKey): Promise<boolean>;
  findKey(hash: string): Promise<ApiKey | null>;
  listKeys(): Promise<readonly ApiKey[]>;
  /** False when there was none. */
  removeKey(name: string): Promise<boolean>;
}
