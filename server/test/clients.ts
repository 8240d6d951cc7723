import type { Client } from "../src/access/principal.ts";

/** What a token says that ends then. */
export const clientOf = (user: string, expiresAt: number): Client => ({
  kind: "client",
  user,
  expiresAt,
  issuedAt: 0,
  tokenId: null,
});

/** Rates that no test meets by chance. */
export const unhurried = { userRequestsPerSecond: 10_000, userNotificationsPerSecond: 10_000 };
