import type { DatabaseSync } from "node:sqlite";
import type { Identities } from "./identities.ts";
import type { StreamCache } from "./stream-cache.ts";

/** What the writer's calls share. */
export interface Writing {
  readonly db: DatabaseSync;
  readonly streams: StreamCache;
  readonly identities: Identities;
  /** The time of the transaction under way. */
  now(): number;
}
