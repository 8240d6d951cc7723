import type { Client } from "../src/access/principal.ts";

/** What a token says that ends then. */
export const clientOf = (user: string, expiresAt: number): Client => ({
  kind: "client",
  user,
  expiresAt,
  issuedAt: 0,
  tokenId: null,
});
