import type { GapFrame, UnreadCount } from "@carillon/protocol/frames";
import type { Mark } from "@carillon/protocol/marks";
import type { StreamName } from "@carillon/protocol/stream";
import type { KeptState } from "../store/people.ts";
import type { Encoding } from "./encoding.ts";

/** What a feed needs of the session that it feeds. */
export interface FeedSink {
  readonly encoding: Encoding;
  /** Queues whole frames; they leave at the end of the turn. */
  send(bytes: Buffer): void;
  /** False when more is queued than a live session may have; then `feed.drained()` follows one day. */
  writable(): boolean;
  /** Places are known; gaps and missed notifications follow. Once. */
  opened(epoch: number, unread: UnreadCount, state: KeptState): void;
  gap(stream: StreamName, gap: Omit<GapFrame, "type" | "stream">): void;
  followed(stream: StreamName, seq: number): void;
  unfollowed(stream: StreamName): void;
  /** What the user has read or archived of the stream is this now, by whatever session. */
  marked(kind: "read" | "archive", stream: StreamName, mark: Mark): void;
  /** What isn't read has changed other than by notifications. */
  unread(unread: UnreadCount): void;
  /** The application has changed what it keeps about the user. */
  state(state: KeptState): void;
  /** Everything that was missed at the start has been sent. Once. */
  caughtUp(): void;
  /** It can't go on: the store is away, or too much waits. */
  failed(reason: unknown): void;
}
