import type { DatabaseSync } from "node:sqlite";
import { userStream } from "@carillon/protocol/stream";
import { type KeptState, noState } from "../../people.ts";

export function makePeopleReads(db: DatabaseSync) {
  const state = db.prepare(
    "SELECT version, state FROM user_state WHERE user_id = (SELECT id FROM streams WHERE name = ?)",
  );

  return {
    state: (user: string): KeptState =>
      (state.get(userStream(user)) as unknown as KeptState | undefined) ?? noState,
  };
}
