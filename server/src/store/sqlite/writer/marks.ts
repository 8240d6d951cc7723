import type { Mark, MarkChange, MarkKind } from "@carillon/protocol/marks";
import { isTopicStream, topicStream, userStream } from "@carillon/protocol/stream";
import { changeMark, markCodes, type OneChange, unmarked } from "../../marks.ts";
import type { Marked, NotMarked } from "../../positions.ts";
import type { StreamState } from "./stream-cache.ts";
import type { Writing } from "./writing.ts";

interface Followed {
  readonly state: StreamState;
  readonly since: number;
}

export function makeMarkWrites({ db, streams }: Writing) {
  const since = db.prepare("SELECT since FROM subscriptions WHERE user = ? AND topic_id = ?");
  const followed = db.prepare(
    "SELECT name AS topic, since FROM subscriptions JOIN topics ON stream_id = topic_id WHERE user = ?",
  );
  const select = db.prepare(
    `SELECT up_to AS upTo, excepted FROM marks
     WHERE user_id = ? AND stream_id = ? AND kind = ?`,
  );
  const upsert = db.prepare(
    `INSERT INTO marks(user_id, stream_id, kind, up_to, excepted) VALUES (?, ?, ?, ?, ?)
     ON CONFLICT (user_id, stream_id, kind) DO UPDATE SET up_to = excluded.up_to, excepted = excluded.excepted`,
  );

  const markOf = (user: StreamState | undefined, stream: StreamState, kind: MarkKind): Mark => {
    const row =
      user && (select.get(user.id, stream.id, markCodes[kind]) as { upTo: number; excepted: string });
    return row ? { upTo: row.upTo, except: JSON.parse(row.excepted) } : unmarked;
  };

  const all = (user: string, own: StreamState | undefined): Followed[] => [
    ...(own ? [{ state: own, since: 0 }] : []),
    ...(followed.all(user) as { topic: string; since: number }[]).map((one) => ({
      state: streams.ensure(topicStream(one.topic)),
      since: one.since,
    })),
  ];

  return {
    mark(user: string, kind: MarkKind, change: MarkChange): Marked | NotMarked {
      const name = userStream(user);
      let own = streams.find(name);
      const move = ({ state, since }: Followed, one: OneChange): Mark | "full" | null => {
        const extent = { floor: Math.max(since, state.trimmed), head: state.head };
        const mark = changeMark(markOf(own, state, kind), one, extent);
        if (mark === null || mark === "full") return mark;
        own ??= streams.ensure(name);
        upsert.run(own.id, state.id, markCodes[kind], mark.upTo, JSON.stringify(mark.except));
        return mark;
      };
      const done = (moved: boolean): number => (own && moved ? streams.raiseRev(own) : (own?.rev ?? 0));

      if ("all" in change) {
        const moved = all(user, own).map((one) => move(one, { upTo: one.state.head }));
        return { mark: null, rev: done(moved.some((mark) => mark !== null)) };
      }
      const { stream } = change;
      if (stream !== name && !isTopicStream(stream)) return "not-followed";
      const state = streams.find(stream);
      if (!state) return stream === name ? { mark: unmarked, rev: 0 } : "not-followed";
      const follows =
        stream === name ? { since: 0 } : (since.get(user, state.id) as { since: number } | undefined);
      if (!follows) return "not-followed";
      const mark = move({ state, since: follows.since }, change);
      if (mark === "full") return "too-many";
      return { mark: mark ?? markOf(own, state, kind), rev: done(mark !== null) };
    },
  };
}
