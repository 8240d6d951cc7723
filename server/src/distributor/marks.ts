/**
 * What users have read, archived and seen, and what not: the one way in for frames and requests. Unread is asked of
 * the store each time, for it is computed there and kept nowhere (invariant 7).
 */
import { encodeCursor, tagOf } from "@carillon/protocol/cursor";
import type { Counts, UnreadCount } from "@carillon/protocol/frames";
import type { Mark, MarkChange, MarkKind } from "@carillon/protocol/marks";
import { type StreamName, userStream } from "@carillon/protocol/stream";
import type { BusDriver } from "../bus/driver.ts";
import type { Marked, NotMarked, PositionsDriver, Unread, UnreadStream } from "../store/positions.ts";
import type { Follower } from "./follower.ts";

export interface Marks {
  /** As the positions port; what was marked is told to all of the user's sessions. */
  mark(user: string, kind: MarkKind, change: MarkChange): Promise<Marked | NotMarked>;
  unread(user: string): Promise<UnreadCount>;
}

export function makeMarks(
  positions: Pick<PositionsDriver, "mark" | "unread">,
  bus: Pick<BusDriver, "publish">,
): Marks {
  return {
    async mark(user, kind, change) {
      const marked = await positions.mark(user, kind, change);
      if (typeof marked !== "string")
        bus.publish([{ type: "changed", stream: userStream(user), rev: marked.rev }]);
      return marked;
    },
    unread: async (user) => toldOf(await positions.unread(user)),
  };
}

const countsOf = (
  total: number,
  streams: readonly UnreadStream[],
  countOf: (one: UnreadStream) => number,
): Counts => ({
  total,
  streams: Object.fromEntries(
    streams.flatMap((one) => (countOf(one) > 0 ? [[one.stream, countOf(one)] as const] : [])),
  ),
});

/** As it is told to clients: true for the heads that its cursor names. */
export const toldOf = ({ total, unseen, streams, epoch, rev }: Unread): UnreadCount => ({
  ...countsOf(total, streams, (one) => one.count),
  unseen: countsOf(unseen, streams, (one) => one.unseen),
  cursor: encodeCursor(
    streams.map(({ stream, head }) => ({ tag: tagOf(stream), epoch: epoch % 256, seq: head })),
  ),
  rev,
});

const told = ["read", "archive"] as const;

const isSame = (one: Mark, other: Mark): boolean =>
  one.upTo === other.upTo &&
  one.except.length === other.except.length &&
  one.except.every((seq, at) => seq === other.except[at]);

/** Notes what of its streams is read and archived, and says which of it is another than was known. */
export function noteMarks(
  followers: readonly Follower[],
  { streams }: Unread,
): [kind: (typeof told)[number], StreamName, Mark][] {
  const byName = new Map(streams.map((one) => [one.stream, one]));
  return followers.flatMap((follower) =>
    told.flatMap((kind): [typeof kind, StreamName, Mark][] => {
      const mark = byName.get(follower.hub.stream)?.[kind];
      if (mark === undefined || isSame(mark, follower[kind])) return [];
      follower[kind] = mark;
      return [[kind, follower.hub.stream, mark]];
    }),
  );
}
