import type { Mark } from "@carillon/protocol/marks";
import type { StreamName } from "@carillon/protocol/stream";
import { unmarked } from "../store/marks.ts";
import type { Encoding } from "./encoding.ts";
import type { Hub } from "./hub.ts";

/** What a follower's session is to its hub: somewhere to put bytes, and a word when it fell out of the live set. */
export interface Receiving {
  readonly encoding: Encoding;
  /** Queues whole frames; they leave at the end of the turn. */
  send(bytes: Buffer): void;
  /** False when more is queued than a live session may have. */
  writable(): boolean;
  /** A follower left the live set, or its hub has something for it: pull again. */
  wake(): void;
  /** The hub's stream was changed other than by a row. */
  changed(stream: StreamName): void;
  /** The hub is no good any more: take another. */
  lost(hub: Hub): void;
}

/**
 * One session's place in one stream.
 *
 * `pos`: everything up to this seq was sent, or needs no sending. `shown`: the seq of the last notification
 * sent, or the place it started from; the next frame's `prev`. Live when `liveIndex` >= 0: the hub pushes to it
 * and `pos` equals the hub's `last` but for the pass that is under way.
 */
export interface Follower {
  readonly hub: Hub;
  readonly session: Receiving;
  /** The stream's head when the user began to follow it; 0 for the user's own. */
  readonly since: number;
  pos: number;
  shown: number;
  liveIndex: number;
  /** It has been live once: nothing of what it missed at first is left. */
  joined: boolean;
  /** It stands ahead of its hub, which was asked to fill: no use in pulling. */
  waiting: boolean;
  /** The oldest seq that was sent, asked for a receipt and isn't acknowledged; 0 for none. */
  receiptFrom: number;
  /** What the client was told that the user has read and archived, or could have known when it came. */
  read: Mark;
  archive: Mark;
  /** The newest seq that the client has acknowledged in this session, or the place it started from. */
  acked: number;
}

export const notLive = -1;

export const makeFollower = (hub: Hub, session: Receiving, since: number, pos: number): Follower => ({
  hub,
  session,
  since,
  pos,
  shown: pos,
  liveIndex: notLive,
  joined: false,
  waiting: false,
  receiptFrom: 0,
  read: unmarked,
  archive: unmarked,
  acked: pos,
});

/**
 * The live followers of a hub. A pass visits each once, in slices, while others join and leave between the
 * slices: members [0, visited) have been visited, and leaving keeps that true.
 */
export interface LiveSet {
  readonly members: Follower[];
  visited: number;
}

export const makeLiveSet = (): LiveSet => ({ members: [], visited: 0 });

export function joinLive(set: LiveSet, follower: Follower): void {
  follower.liveIndex = set.members.length;
  set.members.push(follower);
}

export function leaveLive(set: LiveSet, follower: Follower): void {
  let hole = follower.liveIndex;
  if (hole === notLive) return;
  follower.liveIndex = notLive;
  if (hole < set.visited) {
    set.visited--;
    hole = move(set, set.visited, hole);
  }
  move(set, set.members.length - 1, hole);
  set.members.pop();
}

function move(set: LiveSet, from: number, to: number): number {
  if (from !== to) {
    const moved = set.members[from] as Follower;
    set.members[to] = moved;
    moved.liveIndex = to;
  }
  return from;
}
