/**
 * Frames: what a client and the server say to each other on a live connection. The same JSON objects on every
 * transport: a WebSocket text message each, a Server-Sent Event each (`event: <type>`, `data: <JSON>`), an item
 * of a poll's `frames`. `spec.md` is the normative text.
 */
import type { Mark } from "./marks.ts";
import type { Receipt } from "./receipt.ts";
import type { StreamName } from "./stream.ts";

/** A CloudEvent 1.0 in its JSON format, as it was accepted, with `id`, `source`, `type`, `time`, `specversion`. */
export type CloudEvent = {
  readonly specversion: "1.0";
  readonly id: string;
  readonly source: string;
  readonly type: string;
  readonly [attribute: string]: unknown;
};

/** A total, and by stream; streams with none are left out. */
export interface Counts {
  readonly total: number;
  readonly streams: Readonly<Record<string, number>>;
}

/**
 * How much a user has not read, archived ones left out. True for the places in `cursor` and for `rev`: a client adds
 * one for each notification beyond that place of its stream that isn't silent, until the server says it again.
 */
export interface UnreadCount extends Counts {
  /** Of those, the ones beyond what was seen: what a badge shows. */
  readonly unseen: Counts;
  /** The head of every stream that the user follows. */
  readonly cursor: string;
  /** Raised by every mark and subscription of the user, and by what is taken back from their own stream. */
  readonly rev: number;
}

/** What the application keeps about a user, whole. Version 0, and empty, where it never set any. */
export interface UserState {
  /** Larger with every change. */
  readonly version: number;
  readonly state: { readonly [member: string]: unknown };
}

/** The first frame of a session on WebSocket and SSE. */
export interface HelloFrame {
  readonly type: "hello";
  readonly user: string;
  readonly session: string;
  readonly epoch: number;
  /** The server says something at least this often; a client that hears nothing for twice as long reconnects. */
  readonly heartbeatMs: number;
  /** Where the session starts, before anything that was missed. */
  readonly cursor: string;
  /** It counts what was missed too: that lies before its own cursor. */
  readonly unread: UnreadCount;
  readonly state: UserState;
}

export interface NotificationFrame {
  readonly type: "notification";
  readonly stream: StreamName;
  /** Absent on ephemeral notifications, which have no place in a stream. */
  readonly seq?: number;
  /**
   * Where the client stood in this stream before: the seq of the notification shown before this one, or the
   * place it started from. A client whose place differs has lost something: it reconnects with its cursor.
   * seq - prev > 1 where what lay between was taken back, collapsed or has expired.
   */
  readonly prev?: number;
  readonly event: CloudEvent;
}

/** Everything that was missed, in every stream, has been sent; what follows is new. Once a session. */
export interface CaughtUpFrame {
  readonly type: "caught-up";
  readonly cursor: string;
}

/** On request (`cursors=true`): where the client stands after what was sent so far. */
export interface CursorFrame {
  readonly type: "cursor";
  readonly cursor: string;
}

/**
 * Notifications from..to of a stream will not be sent here. The client goes on behind `to`.
 * - `trimmed`: no longer kept.
 * - `skipped`: more was missed than the server replays; it isn't sent on this connection.
 * - `rewound`: the client stood ahead of the stream (the store was restored): its place is `to` now, from is 0.
 * - `epoch`: the client's place is of another epoch; its place is `to` now, from is 0.
 */
export interface GapFrame {
  readonly type: "gap";
  readonly stream: StreamName;
  readonly reason: "trimmed" | "skipped" | "rewound" | "epoch";
  readonly from: number;
  readonly to: number;
}

/** The session follows another stream from now on, from this place; or doesn't any more. */
export interface SubscribeFrame {
  readonly type: "subscribe" | "unsubscribe";
  readonly stream: StreamName;
  /** With `subscribe`: the place in the stream from which the session goes on. */
  readonly seq?: number;
}

/** What the user has read, or archived, of a stream now, all of it: it was changed, here or elsewhere, and is committed. */
export interface MarkFrame<Kind extends "read" | "archive"> extends Mark {
  readonly type: Kind;
  readonly stream: StreamName;
}

/** After a mark or a subscription, wherever it was made, and after a gap. */
export interface UnreadFrame extends UnreadCount {
  readonly type: "unread";
}

/** The application has changed what it keeps about the user. */
export interface StateFrame extends UserState {
  readonly type: "state";
}

export interface PingFrame {
  readonly type: "ping";
}

/** The answer to a client's frame that had a `ref`. To `send` it says what became of the notification. */
export type ReplyFrame =
  | ({ readonly type: "reply"; readonly ref: number; readonly ok: true } & Sent)
  | ({
      readonly type: "reply";
      readonly ref: number;
      readonly ok: false;
      readonly error: { readonly code: string; readonly detail: string };
    } & Sent);

interface Sent {
  readonly id?: string;
  readonly source?: string;
  /** One for each recipient, as a request is answered. */
  readonly receipts?: Receipt[];
}

/** Something is wrong that no `ref` names; a close with a code follows where the session can't go on. */
export interface ErrorFrame {
  readonly type: "error";
  readonly code: string;
  readonly detail: string;
}

/** The server is going away: connect elsewhere within `withinMs`, after a random part of `jitterMs`. */
export interface GoawayFrame {
  readonly type: "goaway";
  readonly reason: "draining" | "overloaded";
  readonly retryMs: number;
  readonly jitterMs: number;
  readonly withinMs: number;
}

export type ServerFrame =
  | HelloFrame
  | NotificationFrame
  | CaughtUpFrame
  | CursorFrame
  | GapFrame
  | SubscribeFrame
  | MarkFrame<"read">
  | MarkFrame<"archive">
  | UnreadFrame
  | StateFrame
  | PingFrame
  | ReplyFrame
  | ErrorFrame
  | GoawayFrame;

/** Cumulative: this client has the stream's notifications up to `seq`, at most what was sent to this session. */
export interface AckRequest {
  readonly type: "ack";
  readonly ref?: number;
  readonly stream: StreamName;
  readonly seq: number;
}

/**
 * The user has read, or archived: exactly one of `upTo`, `seqs` and `all`. Its `reply` comes once it is durable, and
 * `read` or `archive`, and `unread`, go to all of the user's sessions.
 */
export interface MarkRequest<Kind extends "read" | "archive"> {
  readonly type: Kind;
  readonly ref?: number;
  /** Absent with `all`. */
  readonly stream?: StreamName;
  /** Everything up to there; beyond the head, up to the head. */
  readonly upTo?: number;
  /** Single ones, at most 256. */
  readonly seqs?: readonly number[];
  /** With `seqs`: back to unread, or into the inbox. */
  readonly undo?: boolean;
  /** Every stream that the user follows, up to its head. */
  readonly all?: true;
}

/** The user has looked at the badge: all of it, or a stream up to a place. The larger wins. */
export interface SeenRequest {
  readonly type: "seen";
  readonly ref?: number;
  readonly stream?: StreamName;
  readonly upTo?: number;
  readonly all?: true;
}

/** The first frame of a WebSocket opened without an Authorization header; later a fresh token, in band. */
export interface AuthRequest {
  readonly type: "auth";
  readonly ref?: number;
  readonly token: string;
}

/** The user follows a topic from now on. What is published after the `reply` is shown; the frame comes before it. */
export interface SubscribeRequest {
  readonly type: "subscribe";
  readonly ref?: number;
  readonly topic: string;
}

/** The user doesn't follow a topic any more. Nothing of the topic follows the `reply`. */
export interface UnsubscribeRequest {
  readonly type: "unsubscribe";
  readonly ref?: number;
  readonly topic: string;
}

/** Publishes: to the topic, or to those of its members whom `notification.to` names. It may lack `to` and `source`. */
export interface SendRequest {
  readonly type: "send";
  readonly ref?: number;
  readonly topic: string;
  readonly notification: { readonly [member: string]: unknown };
}

/** Answered with a `reply` when it has a `ref`; keeps nothing alive that silence wouldn't. */
export interface PingRequest {
  readonly type: "ping";
  readonly ref?: number;
}

export type ClientFrame =
  | AckRequest
  | MarkRequest<"read">
  | MarkRequest<"archive">
  | SeenRequest
  | SubscribeRequest
  | UnsubscribeRequest
  | SendRequest
  | AuthRequest
  | PingRequest;
