/** What an API key may be for. */
export const scopes = ["send", "topics", "users", "admin"] as const;
export type Scope = (typeof scopes)[number];
