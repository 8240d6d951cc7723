/**
 * What users have read, and what not: the one way in for frames and requests. Unread is asked of the store each
 * time, for it is computed there and kept nowhere (invariant 7).
 */
import { encodeCursor, tagOf } from "@carillon/protocol/cursor";
import type { UnreadCount } from "@carillon/protocol/frames";
import { type StreamName, userStream } from "@carillon/protocol/stream";
import type { BusDriver } from "../bus/driver.ts";
import type { PositionsDriver, ReadMark, Unread } from "../store/positions.ts";
import type { Follower } from "./follower.ts";

export interface Reads {
  /**
   * The user has read the stream up to `upTo`, its head at most. Durable when resolved, and told to all of the
   * user's sessions. Null: the user doesn't follow the stream. Rejects as the positions port does.
   */
  read(user: string, stream: StreamName, upTo: number): Promise<ReadMark | null>;
  unread(user: string): Promise<UnreadCount>;
}

export function makeReads(
  positions: Pick<PositionsDriver, "read" | "unread">,
  bus: Pick<BusDriver, "publish">,
): Reads {
  return {
    async read(user, stream, upTo) {
      const mark = await positions.read(user, stream, upTo);
      if (mark !== null) bus.publish([{ type: "changed", stream: userStream(user), rev: mark.rev }]);
      return mark;
    },
    unread: async (user) => toldOf(await positions.unread(user)),
  };
}

/** As it is told to clients: true for the heads that its cursor names. */
export const toldOf = ({ total, streams, epoch, rev }: Unread): UnreadCount => ({
  total,
  streams: Object.fromEntries(
    streams.flatMap(({ stream, count }) => (count > 0 ? [[stream, count] as const] : [])),
  ),
  cursor: encodeCursor(
    streams.map(({ stream, head }) => ({ tag: tagOf(stream), epoch: epoch % 256, seq: head })),
  ),
  rev,
});

/** Notes how far its streams are read, and says which of them further than was known. */
export function noteReads(followers: readonly Follower[], { streams }: Unread): [StreamName, number][] {
  const marks = new Map(streams.map(({ stream, readSeq }) => [stream, readSeq]));
  return followers.flatMap((follower) => {
    const readSeq = marks.get(follower.hub.stream) ?? 0;
    if (readSeq <= follower.readSeq) return [];
    follower.readSeq = readSeq;
    return [[follower.hub.stream, readSeq]];
  });
}
