/**
 * One client's live connection, whatever the transport: the state machine under websocket.ts, sse.ts and
 * long-poll.ts.
 *
 *   opening      the feed looks for the client's places; nothing is written yet
 *      | places known: hello, gaps
 *   serving      the feed pulls what was missed, then the hubs push; `caught-up` once in between.
 *      |         Slow: back to pulling, which goes on as the transport drains
 *      | close(), token expired or revoked, slow or silent for too long, a frame that isn't one, the feed failed
 *   closing      the transport was told why and delivers what was written
 *      | ended() by the transport
 *   ended        nothing is left of it
 *
 * Bytes are gathered during a turn of the loop and written once at its end.
 */
import type { CloseReason } from "@carillon/protocol/close-codes";
import type { GapFrame, SendRequest, UnreadCount } from "@carillon/protocol/frames";
import type { Mark, MarkChange, MarkKind } from "@carillon/protocol/marks";
import type { Problem } from "@carillon/protocol/problems";
import type { StreamName } from "@carillon/protocol/stream";
import type { Client } from "../access/principal.ts";
import type { PresentSession } from "../bus/driver.ts";
import type { Feed } from "../distributor/feed.ts";
import type { FeedSink } from "../distributor/feed-sink.ts";
import { Failure } from "../errors.ts";
import { whyNotMarked } from "../http/marks.ts";
import { toProblem } from "../http/problem-reply.ts";
import { recipientsOf } from "../receiver/publishing.ts";
import type { KeptState } from "../store/people.ts";
import { notOnWheel, type WheelEntry } from "../timer-wheel.ts";
import { readClientFrame } from "./client-frame.ts";
import type { Encoding, Outlet } from "./outlet.ts";
import type { SessionShared } from "./sessions.ts";
import { makeTopicFrames, type Sent, type TopicFrames } from "./topic-frames.ts";

export interface SessionOptions {
  /** What the token says of its bearer: the session ends when the token does, or is revoked. */
  readonly client: Client;
  /** A valid token, or null. */
  readonly cursor: string | null;
  readonly device: string | null;
  /** Send a cursor after each flush (always on SSE). */
  readonly cursors: boolean;
  /** False for long polling: no hello, no heartbeats. */
  readonly greeting: boolean;
  /** Where there is no hello: the rev of the `unread` that the client has. It is told where it is another. */
  readonly rev?: number | null;
  /** And the version of the state that it has. */
  readonly version?: number | null;
  readonly outlet: Outlet;
}

type Phase = "opening" | "serving" | "closing" | "ended";

/** One frame of the largest size. */
const earlyCharsMost = 65_536;

export class Session implements FeedSink, WheelEntry {
  readonly id: string;
  readonly user: string;
  readonly encoding: Encoding;
  readonly outlet: Outlet;
  wheelSlot = notOnWheel;
  wheelIndex = 0;
  wheelDueAt = 0;
  private readonly device: string | null;
  private readonly cursors: boolean;
  private readonly greeting: boolean;
  private readonly unreadRev: number | null;
  private readonly stateVersion: number | null;
  private readonly openedAt: number;
  private readonly shared: SessionShared;
  private readonly feed: Feed;
  private phase: Phase = "opening";
  /** What the client said before `hello`; null when there is nothing. */
  private early: string[] | null = null;
  private earlyChars = 0;
  private client: Client;
  private pending: Buffer[] = [];
  private pendingBytes = 0;
  private missedSent = false;
  private heardAt: number;
  private wroteAt: number;
  /** Since when its queue has been over the limit; 0 when it isn't. */
  private slowSince = 0;
  private ackedBeyondStored = false;
  /** For what the client asks about topics; few ever do. */
  private topicFrames: TopicFrames | null = null;

  constructor(id: string, options: SessionOptions, shared: SessionShared) {
    this.id = id;
    this.user = options.client.user;
    this.outlet = options.outlet;
    this.encoding = options.outlet.encoding;
    this.client = options.client;
    this.device = options.device;
    this.cursors = options.cursors || this.encoding.name === "sse";
    this.greeting = options.greeting;
    this.unreadRev = options.rev ?? null;
    this.stateVersion = options.version ?? null;
    this.shared = shared;
    this.openedAt = this.heardAt = this.wroteAt = shared.clock.now();
    this.feed = shared.distributor.feed(this.user, this);
    shared.wheel.add(this, this.untilDue(this.heardAt));
    void this.feed.open(options.cursor, options.device);
  }

  /** The client's place in every stream after what was written so far. */
  cursor(): string {
    return this.feed.cursor();
  }

  present(): PresentSession {
    const { id, encoding, openedAt, device } = this;
    return { session: id, transport: encoding.name, since: Math.floor(openedAt), device, lingers: false };
  }

  /** Everything missed has been written. */
  isCaughtUp(): boolean {
    return this.missedSent;
  }

  /** It has all that there is in each of its streams, and is pushed what comes. */
  isLive(): boolean {
    return this.phase === "serving" && this.feed.live();
  }

  // What the transport says.

  /** The transport's queue has emptied. */
  drained(): void {
    this.slowSince = 0;
    if (this.phase === "serving") this.feed.drained();
  }

  /** Any sign of life from the client: a protocol pong, bytes. */
  heard(): void {
    this.heardAt = this.shared.clock.now();
  }

  /** One frame from the client, as text. One that isn't valid closes the session with a code. */
  receive(text: string): void {
    if (this.phase === "closing" || this.phase === "ended") return;
    this.heard();
    if (this.phase === "opening") return this.keepEarly(text);
    const frame = readClientFrame(text);
    if ("error" in frame) return this.close("frame-invalid", frame.error);
    switch (frame.type) {
      case "ping":
        return this.reply(frame.ref, null);
      case "ack":
        return this.reply(frame.ref, this.ack(frame.stream, frame.seq));
      case "mark":
        if (this.exceedsRate(frame.ref)) return;
        void this.mark(frame.kind, frame.change, frame.ref);
        return;
      case "subscribe":
      case "unsubscribe":
      case "send":
        if (this.exceedsRate(frame.ref)) return;
        if (frame.type === "send" && this.publishesTooMuch(frame)) return;
        this.topicFrames ??= this.openTopicFrames();
        return this.topicFrames.take(frame, text.length);
      case "auth":
        if (this.exceedsRate(frame.ref)) return;
        void this.refresh(frame.token, frame.ref);
    }
  }

  /** Frames that are as much work as a request count as one; the rest are bounded by their number alone. */
  private exceedsRate(ref: number | undefined): boolean {
    return this.refuses(this.shared.rates.request(this.client), ref);
  }

  private publishesTooMuch({ ref, notification }: SendRequest): boolean {
    return this.refuses(this.shared.rates.notifications(this.client, recipientsOf(notification)), ref);
  }

  private refuses(refused: Problem | null, ref: number | undefined): boolean {
    if (refused === null) return false;
    const { code, detail } = refused;
    if (ref === undefined) this.frame("error", { code, detail });
    else this.reply(ref, { code, detail });
    return true;
  }

  private keepEarly(text: string): void {
    this.early ??= [];
    this.early.push(text);
    this.earlyChars += text.length;
    if (this.earlyChars > earlyCharsMost) this.close("too-many-frames", "too much was said before hello");
  }

  /** The connection is gone: forget everything. Idempotent. */
  ended(): void {
    if (this.phase === "ended") return;
    this.leave();
    this.phase = "ended";
    this.pending = [];
    this.early = null;
    this.shared.ended(this);
  }

  // What the server says.

  /** Ends it and says why, after what was sent. */
  close(reason: CloseReason, detail: string): void {
    if (this.phase === "closing" || this.phase === "ended") return;
    this.flush();
    this.leave();
    this.phase = "closing";
    this.shared.metrics.closed(reason);
    this.outlet.close(reason, detail);
  }

  /** Ends it where the token that opened it, or the last one since, is good no more. */
  recheck(): void {
    if (this.shared.isRevoked(this.client)) this.close("token-revoked", "the token was revoked");
  }

  /** Nothing of it is stored behind the erasing of its user. */
  erased(): void {
    this.ackedBeyondStored = false;
    this.close("user-erased", "the user was erased");
  }

  /** Asks the client to go elsewhere. */
  goaway(withinMs: number, jitterMs: number): void {
    if (this.phase !== "serving" && this.phase !== "opening") return;
    this.frame("goaway", { reason: "draining", retryMs: 0, jitterMs, withinMs });
  }

  private leave(): void {
    this.shared.wheel.remove(this);
    if (this.ackedBeyondStored) this.storeDevice();
    this.feed.close();
  }

  // What the feed says.

  opened(epoch: number, unread: UnreadCount, state: KeptState): void {
    this.phase = "serving";
    if (!this.greeting) {
      if (this.unreadRev !== null && this.unreadRev !== unread.rev) this.unread(unread);
      if (this.stateVersion !== null && this.stateVersion !== state.version) this.state(state);
      return;
    }
    const hello = JSON.stringify({
      type: "hello",
      user: this.user,
      session: this.id,
      epoch,
      heartbeatMs: this.shared.options.heartbeatMs,
      cursor: this.feed.cursor(),
      unread,
    });
    this.send(this.encoding.frame("hello", `${hello.slice(0, -1)},"state":${stateJson(state)}}`));
    const early = this.early ?? [];
    this.early = null;
    for (const text of early) this.receive(text);
  }

  send(bytes: Buffer): void {
    if (this.phase !== "serving") return;
    if (this.pending.length === 0) this.shared.distributor.flushSoon(this);
    this.pending.push(bytes);
    this.pendingBytes += bytes.length;
  }

  writable(): boolean {
    return this.outlet.queued() + this.pendingBytes <= this.shared.options.bufferBytes;
  }

  gap(stream: StreamName, gap: Omit<GapFrame, "type" | "stream">): void {
    this.frame("gap", { stream, ...gap });
  }

  followed(stream: StreamName, seq: number): void {
    this.frame("subscribe", { stream, seq });
  }

  unfollowed(stream: StreamName): void {
    this.frame("unsubscribe", { stream });
  }

  marked(kind: "read" | "archive", stream: StreamName, mark: Mark): void {
    this.frame(kind, { stream, ...mark });
  }

  unread(unread: UnreadCount): void {
    this.frame("unread", unread);
  }

  state(state: KeptState): void {
    this.send(this.encoding.frame("state", `{"type":"state",${stateJson(state).slice(1)}`));
  }

  caughtUp(): void {
    this.missedSent = true;
    this.frame("caught-up", { cursor: this.feed.cursor() });
  }

  failed(reason: unknown): void {
    const overloaded = reason instanceof Failure && reason.code === "overloaded";
    if (!(reason instanceof Failure)) this.shared.broken(reason);
    this.close(overloaded ? "overloaded" : "unavailable", "the store can't be read now");
  }

  private frame(type: string, members: object): void {
    this.send(this.encoding.frame(type, JSON.stringify({ type, ...members })));
  }

  /** Writes what was gathered, in one call. */
  flush(): void {
    if (this.phase === "ended" || this.phase === "closing" || this.pending.length === 0) return;
    const cursor = this.cursors ? this.encoding.cursor(this.feed.cursor()) : null;
    if (cursor !== null) this.pending.push(cursor);
    const bytes = this.pending.length === 1 ? (this.pending[0] as Buffer) : Buffer.concat(this.pending);
    this.pending = [];
    this.pendingBytes = 0;
    this.wroteAt = this.shared.clock.now();
    this.outlet.write(bytes);
    if (!this.writable()) {
      if (this.slowSince === 0) this.slowSince = this.wroteAt;
    } else if (this.feed.stalled) this.drained();
  }

  // Time.

  private untilDue(now: number): number {
    return Math.max(1, Math.min(this.shared.options.heartbeatMs, this.client.expiresAt - now));
  }

  due(now: number): number {
    if (this.phase === "closing" || this.phase === "ended") return 0;
    const { heartbeatMs, slowMs } = this.shared.options;
    if (now >= this.client.expiresAt) this.close("token-expired", "the token has expired");
    else if (this.slowSince !== 0 && now - this.slowSince >= slowMs) {
      this.close("slow-consumer", `nothing more was taken for ${slowMs / 1000} s`);
    } else if (this.greeting && this.encoding.name === "websocket" && now - this.heardAt > heartbeatMs * 2) {
      this.close("unresponsive", "nothing was heard for two heartbeats");
    } else {
      this.beat(now);
      return this.untilDue(now);
    }
    return 0;
  }

  private beat(now: number): void {
    if (this.ackedBeyondStored) this.storeDevice();
    if (!this.greeting || this.phase !== "serving") return;
    if (this.encoding.name === "websocket" || now - this.wroteAt >= this.shared.options.heartbeatMs / 2) {
      this.send(this.encoding.frame("ping", '{"type":"ping"}'));
    }
  }

  // What the client asks for.

  private ack(stream: StreamName, seq: number): ReplyError | null {
    const follower = this.feed.follower(stream);
    if (follower === undefined)
      return { code: "not-followed", detail: `this session doesn't follow ${stream}` };
    if (seq > follower.pos) return { code: "not-sent", detail: `${stream} was sent up to ${follower.pos}` };
    if (follower.receiptFrom !== 0 && seq >= follower.receiptFrom) {
      follower.receiptFrom = 0;
      this.shared.distributor.acks.received(this.user, stream, seq);
    }
    if (seq > follower.acked) {
      follower.acked = seq;
      this.ackedBeyondStored = this.device !== null;
    }
    return null;
  }

  /** Its reply is a promise, and follows the commit. */
  private async mark(kind: MarkKind, change: MarkChange, ref: number | undefined): Promise<void> {
    try {
      const marked = await this.shared.distributor.marks.mark(this.user, kind, change);
      this.reply(ref, typeof marked === "string" ? errorOf(whyNotMarked(marked)) : null);
    } catch (reason) {
      if (!(reason instanceof Failure)) this.shared.broken(reason);
      this.reply(ref, toProblem(reason));
    }
  }

  private openTopicFrames(): TopicFrames {
    const { following, publishing, broken } = this.shared;
    return makeTopicFrames({
      user: this.user,
      following,
      publishing,
      renew: () => this.feed.renew(),
      reply: (ref, refused, sent) => this.reply(ref, refused, sent),
      broken,
    });
  }

  private storeDevice(): void {
    this.ackedBeyondStored = false;
    if (this.device !== null)
      this.shared.distributor.acks.device(this.user, this.device, this.feed.ackedCursor());
  }

  private async refresh(token: string, ref: number | undefined): Promise<void> {
    const verified = await this.shared.verify(token).catch((reason: unknown) => {
      if (!(reason instanceof Failure)) this.shared.broken(reason);
      return null;
    });
    if (this.phase === "closing" || this.phase === "ended") return;
    if (verified === null) {
      return this.reply(ref, { code: "unavailable", detail: "tokens can't be verified now; try again" });
    }
    if ("error" in verified) return this.close(verified.reason, verified.error);
    if (verified.user !== this.user) return this.close("token-invalid", "the token is another user's");
    this.client = verified;
    // It may have been revoked since it was looked at.
    this.recheck();
    this.reply(ref, null);
  }

  private reply(ref: number | undefined, refused: ReplyError | null, sent: Sent = {}): void {
    if (ref === undefined) return;
    if (refused === null) return this.frame("reply", { ref, ok: true, ...sent });
    const { code, detail } = refused;
    this.frame("reply", { ref, ok: false, error: { code, detail }, ...sent });
  }
}

/** It is JSON already, and goes as it is. */
const stateJson = ({ version, state }: KeptState): string => `{"version":${version},"state":${state}}`;

interface ReplyError {
  readonly code: string;
  readonly detail: string;
}

const errorOf = ({ code, detail }: Problem): ReplyError => ({ code, detail });
