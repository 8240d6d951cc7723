/** Who is asking: a producer with an API key, or a user's client with a token. */
import type { Scope } from "@carillon/protocol/scopes";
import type { ApiKey } from "../store/access.ts";

export interface Producer {
  readonly kind: "producer";
  readonly key: ApiKey;
}

export interface Client {
  readonly kind: "client";
  readonly user: string;
  /** In milliseconds since the epoch, clock tolerance included: what the token opened ends then. */
  readonly expiresAt: number;
  /** In milliseconds since the epoch. */
  readonly issuedAt: number;
  /** The token's `jti`; null where it has none. */
  readonly tokenId: string | null;
}

export type Principal = Producer | Client;

export const hasScope = (producer: Producer, scope: Scope): boolean => producer.key.scopes.includes(scope);

/** True where one of the key's sources is `source` itself, or a prefix of it that ends in `*`. */
export function maySendAs(key: ApiKey, source: string): boolean {
  for (const allowed of key.sources) {
    if (allowed === source) return true;
    if (allowed.endsWith("*") && source.startsWith(allowed.slice(0, -1))) return true;
  }
  return false;
}
