import { userStream } from "@carillon/protocol/stream";
import type { Writing } from "./writing.ts";

export function makePeopleWrites({ db, streams }: Writing) {
  const versionOf = db.prepare("SELECT version FROM user_state WHERE user_id = ?");
  const put = db.prepare(
    `INSERT INTO user_state(user_id, version, state) VALUES (?, ?, ?)
     ON CONFLICT (user_id) DO UPDATE SET version = excluded.version, state = excluded.state`,
  );

  return {
    putState(user: string, state: string, version: number): { readonly rev: number } | null {
      const own = streams.ensure(userStream(user));
      const kept = versionOf.get(own.id) as { version: number } | undefined;
      if ((kept?.version ?? 0) !== version) return null;
      put.run(own.id, version + 1, state);
      return { rev: streams.raiseRev(own) };
    },
  };
}
