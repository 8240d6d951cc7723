/**
 * The bus port's driver: tells distributors what has just been committed.
 *
 * A hint, never the truth. Messages may be lost, repeated, reordered or late; whoever listens checks heads
 * against the store. Two things are promised:
 * - when `subscribe` has resolved, messages published to the stream from then on are delivered, unless lost;
 * - a driver that may have lost messages (a socket broke) calls `suspect` with the streams concerned, once it
 *   is subscribed again.
 * Publishing never blocks and never rejects: what can't be sent in a bounded time is dropped.
 * Messages are immutable values and may be shared by reference within a process.
 */
import type { StreamName } from "@carillon/protocol/stream";
import type { Revocation } from "../store/access.ts";
import type { Row } from "../store/streams.ts";

/**
 * No stream, but the name under which every process that looks at tokens is told what concerns all of them. No user or
 * topic can have it.
 */
export const everywhere = "topic:topic:everywhere" satisfies StreamName;

/**
 * The name under which one process hears answers to what it asked. No user or topic can have it. `asker` is of letters,
 * digits and hyphens.
 */
export const answersTo = (asker: string): StreamName => `topic:topic:answers.${asker}`;

/** One session, as it is told to whoever asks who is here. */
export interface PresentSession {
  readonly session: string;
  readonly transport: "websocket" | "sse" | "poll";
  /** Whole milliseconds since the epoch. */
  readonly since: number;
  readonly device: string | null;
  /** A poll that was answered a moment ago, and not yet followed by the next. */
  readonly lingers: boolean;
}

export type BusMessage =
  /** Rows that were committed, contiguous and ascending. `acceptedAt` is of the oldest; both times are for latency figures. */
  | {
      readonly type: "rows";
      readonly stream: StreamName;
      readonly rows: readonly Row[];
      readonly acceptedAt: number;
      readonly committedAt: number;
    }
  /** Rows up to `head` were committed, too large or too many to carry. */
  | { readonly type: "head"; readonly stream: StreamName; readonly head: number }
  /** Something other than a row changed: subscriptions, state, reads. */
  | { readonly type: "changed"; readonly stream: StreamName; readonly rev: number }
  /** The row with this seq is a tombstone now. */
  | { readonly type: "withdrawn"; readonly stream: StreamName; readonly seq: number; readonly rev: number }
  /** For live sessions only, kept nowhere. `body` is the CloudEvent as JSON text. */
  | { readonly type: "ephemeral"; readonly stream: StreamName; readonly body: string }
  /** Tokens are good no more; it is in the store. */
  | {
      readonly type: "revoked";
      readonly stream: typeof everywhere;
      readonly revocation: Revocation;
    }
  /** The user was erased: whoever holds something of theirs lets go of it. */
  | { readonly type: "erased"; readonly stream: typeof everywhere; readonly user: string }
  /** Whoever has sessions of the user answers to `asker`; so does the asker, always, and sees that the bus carries. */
  | {
      readonly type: "asked";
      readonly stream: typeof everywhere;
      readonly asker: string;
      readonly id: string;
      readonly user: string;
    }
  /** How many sessions of the user a process has, and the first 16 of them. */
  | {
      readonly type: "present";
      readonly stream: StreamName;
      readonly id: string;
      readonly count: number;
      readonly sessions: readonly PresentSession[];
    };

export interface BusListener {
  message(message: BusMessage): void;
  suspect(streams: Iterable<StreamName>): void;
}

export interface BusDriver {
  start(listener: BusListener): Promise<void>;
  /** What was published is sent to others first, in a bounded time. */
  stop(): Promise<void>;
  publish(messages: readonly BusMessage[]): void;
  /**
   * Called once per stream; again only after `unsubscribe`. While the backend is away it resolves all the same, in
   * a bounded time: the stream loses everything for now, and is suspect once it is subscribed. Rejects with
   * `Failure("stopped")` before `start` and after `stop`.
   */
  subscribe(stream: StreamName): Promise<void>;
  unsubscribe(stream: StreamName): void;
}
