import type { Queries } from "../queries.ts";
import { makeInbox } from "./inbox.ts";
import type { Shards } from "./shards.ts";

export function makeQueries(shards: Shards): Queries {
  const inbox = makeInbox(shards);
  return { inbox: (wanted) => shards.steady(() => inbox(wanted)) };
}
