import { decodeCursor, encodeCursor } from "@carillon/protocol/cursor";
import type { GapFrame } from "@carillon/protocol/frames";
import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import type { Subscription } from "../store/directory.ts";
import type { Acks } from "./acks.ts";
import type { Encoding } from "./encoding.ts";
import type { FeedSink } from "./feed-sink.ts";
import { type Follower, makeFollower, notLive, type Receiving } from "./follower.ts";
import { makeHolds } from "./holds.ts";
import { type Hub, noteReceipt } from "./hub.ts";
import type { Hubs } from "./hubs.ts";
import { noteMarks, toldOf } from "./marks.ts";
import type { DistributorMetrics } from "./metrics.ts";
import { type Place, startPlace } from "./place.ts";
import type { Reader } from "./reader.ts";
import { encodeRun } from "./run.ts";

/** What feeds share. */
export interface FeedShared {
  readonly hubs: Hubs;
  readonly reader: Reader;
  readonly acks: Acks;
  readonly metrics: DistributorMetrics;
  readonly subscriptions: (user: string) => Promise<readonly Subscription[]>;
  readonly devicePosition: (user: string, device: string) => Promise<string | null>;
  readonly now: () => number;
  /** Rows replayed per stream at most. */
  readonly replay: number;
}

type StreamHead = Parameters<typeof startPlace>[1];
const headOf = (hub: Hub): StreamHead => ({ epoch: hub.epoch, head: hub.last, first: hub.first });

/** Rows taken from a ring in one step. */
const stepRows = 64;

/**
 * The streams of one session: its user's own and the topics that the user follows.
 *
 *   opening --places known--> catching up --all joined--> live
 *                                  ^----- slow, fell behind, new topic ----/
 *   any --close()--> closed
 *
 * Catching up pulls: one page at a time, as the sink takes it, the user's own stream first, then in turn. A
 * follower joins its hub's live set in the turn in which it finds that it has all that the hub has.
 */
export class Feed implements Receiving {
  readonly encoding: Encoding;
  readonly user: string;
  /** Own stream first, then in order of subscription. Every one of them is open. */
  readonly followers: Follower[] = [];
  private readonly sink: FeedSink;
  private readonly shared: FeedShared;
  /** It stopped because the sink took no more, and waits for `drained`. */
  stalled = false;
  private closed = false;
  private isOpen = false;
  private pumping = false;
  private again = false;
  private turn = 0;
  private announced = false;
  private renewing: Promise<void> | null = null;
  private stale = false;
  /** Something of the user is another, and it may be what they follow. */
  private unsure = false;
  /** What the client was told of unread is for this rev, and no good any more when `recount`. */
  private toldRev = 0;
  private recount = false;
  private toldVersion = 0;

  constructor(user: string, sink: FeedSink, shared: FeedShared) {
    this.user = user;
    this.sink = sink;
    this.encoding = sink.encoding;
    this.shared = shared;
  }

  /**
   * Attaches to everything that the user follows, starting from `cursor` (a valid token), else from where
   * `device` stood. Never rejects: the sink hears of failures.
   */
  async open(cursor: string | null, device: string | null): Promise<void> {
    const { hold, handOver, letGo } = makeHolds(this.shared.hubs);
    try {
      const own = await hold(userStream(this.user));
      if (this.closed) return letGo();
      const { rev } = own;
      const [subscriptions, unread, state, stored] = await Promise.all([
        this.shared.subscriptions(this.user),
        this.shared.reader.unread(this.user),
        this.shared.reader.state(this.user),
        cursor === null && device !== null ? this.shared.devicePosition(this.user, device) : null,
      ]);
      const topics = await Promise.all(subscriptions.map((one) => hold(topicStream(one.topic))));
      if (this.closed) return letGo();
      const token = cursor ?? stored;
      const places = token === null ? null : decodeCursor(token);
      const known = places !== null && "entries" in places ? places.entries : null;
      const gaps: [StreamName, Omit<GapFrame, "type" | "stream">][] = [];
      const hubs = [own, ...topics];
      const ahead = await Promise.all(hubs.map((hub) => this.headAhead(hub, known?.get(hub.tag))));
      if (this.closed) return letGo();
      handOver();
      hubs.forEach((hub, index) => {
        const since = index === 0 ? 0 : (subscriptions[index - 1] as Subscription).since;
        const place = known?.get(hub.tag) ?? null;
        for (const gap of this.attach(hub, place, since, ahead[index])) gaps.push([hub.stream, gap]);
      });
      this.isOpen = true;
      noteMarks(this.followers, unread);
      this.toldRev = unread.rev;
      this.toldVersion = state.version;
      this.sink.opened(own.epoch, toldOf(unread), state);
      // What the client had said meanwhile may have ended the session.
      if (this.closed) return;
      const counted = new Map(unread.streams.map((one) => [one.stream, one.head]));
      for (const [stream, gap] of gaps) this.gap(stream, gap, counted.get(stream));
      if (own.rev !== rev) this.changed(own.stream);
      this.wake();
    } catch (reason) {
      letGo();
      if (!this.closed) this.sink.failed(reason);
    }
  }

  /** The client stands ahead of what the hub knows: only the store can say whether it stands ahead of the stream. */
  private async headAhead(hub: Hub, place: Place | undefined): Promise<StreamHead | undefined> {
    if (place === undefined || place.seq <= hub.last || place.epoch !== hub.epoch % 256) return undefined;
    return this.shared.reader.head(hub.stream);
  }

  private attach(
    hub: Hub,
    place: Place | null,
    since: number,
    head: StreamHead = headOf(hub),
  ): readonly Omit<GapFrame, "type" | "stream">[] {
    const { pos, gaps } = startPlace(place, head, since, this.shared.replay);
    if (place !== null && hub.receiptSeq > 0 && gaps.length === 0)
      this.shared.acks.received(this.user, hub.stream, pos);
    const follower = makeFollower(hub, this, since, pos);
    hub.followers.add(follower);
    this.followers.push(follower);
    if (hub.gone) this.lost(hub);
    return gaps;
  }

  /** Leaves everything; nothing is sent any more. Idempotent. */
  close(): void {
    this.closed = true;
    for (const follower of this.followers.splice(0)) this.detach(follower);
  }

  private detach(follower: Follower): void {
    follower.hub.leave(follower);
    follower.hub.followers.delete(follower);
    this.shared.hubs.release(follower.hub);
  }

  follower(stream: StreamName): Follower | undefined {
    return this.followers.find((candidate) => candidate.hub.stream === stream);
  }

  /** The session's place in every stream, after all that was sent. */
  cursor(): string {
    return encodeCursor(
      this.followers.map(({ hub, pos }) => ({ tag: hub.tag, epoch: hub.epoch % 256, seq: pos })),
    );
  }

  /** Where the client stands by its own word. */
  ackedCursor(): string {
    return encodeCursor(
      this.followers.map(({ hub, acked }) => ({ tag: hub.tag, epoch: hub.epoch % 256, seq: acked })),
    );
  }

  live(): boolean {
    return this.isOpen && this.followers.every((follower) => follower.liveIndex !== notLive);
  }

  send(bytes: Buffer): void {
    this.sink.send(bytes);
  }

  writable(): boolean {
    return this.sink.writable();
  }

  /** `counted`: how far the client was told what is unread. What it won't get beyond that it can't count itself. */
  gap(stream: StreamName, gap: Omit<GapFrame, "type" | "stream">, counted = -1): void {
    this.shared.metrics.gap(gap.reason);
    this.sink.gap(stream, gap);
    if (gap.to <= counted) return;
    this.recount = true;
    void this.renew();
  }

  drained(): void {
    this.wake();
  }

  wake(): void {
    if (this.closed || !this.isOpen) return;
    if (!this.writable()) return this.stall();
    this.stalled = false;
    if (this.pumping) this.again = true;
    else void this.pump();
  }

  private stall(): void {
    this.stalled = true;
    let was = false;
    for (const follower of this.followers) {
      if (follower.liveIndex === notLive) continue;
      was = true;
      follower.hub.leave(follower);
    }
    if (was) this.shared.metrics.slow();
  }

  private async pump(): Promise<void> {
    this.pumping = true;
    try {
      do {
        this.again = false;
        while (!this.closed && this.writable()) {
          const follower = this.next();
          if (follower === undefined) break;
          await this.step(follower);
        }
      } while (this.again && !this.closed);
    } catch (reason) {
      if (!this.closed) this.sink.failed(reason);
    }
    this.pumping = false;
    if (this.closed) return;
    if (!this.writable()) return this.stall();
    if (!this.announced && this.followers.every((follower) => follower.joined)) {
      this.announced = true;
      this.sink.caughtUp();
    }
  }

  /** Own stream first, then the others in turn; undefined when all are live, waiting, or about to have another hub. */
  private next(): Follower | undefined {
    const pulls = (follower: Follower | undefined): boolean =>
      follower !== undefined && follower.liveIndex === notLive && !follower.waiting && !follower.hub.gone;
    if (pulls(this.followers[0])) return this.followers[0];
    if (this.unsure) return undefined;
    for (let tried = 0; tried < this.followers.length; tried++) {
      this.turn = (this.turn + 1) % this.followers.length;
      if (pulls(this.followers[this.turn])) return this.followers[this.turn];
    }
    return undefined;
  }

  /** One step of catching up. Resolves at once unless the store had to be read. */
  private step(follower: Follower): Promise<void> | undefined {
    const { hub } = follower;
    hub.wanted(follower.pos);
    if (follower.pos >= hub.last && hub.filling) {
      follower.waiting = true;
      return undefined;
    }
    if (follower.pos === hub.last) {
      hub.join(follower);
      return undefined;
    }
    if (hub.covers(follower.pos + 1)) {
      const to = Math.min(hub.last, follower.pos + stepRows);
      this.forward(follower, hub.rows(follower.pos + 1, to));
      return undefined;
    }
    return this.pull(follower);
  }

  private forward(follower: Follower, rows: ReturnType<Hub["rows"]>): void {
    const newest = rows.at(-1);
    if (newest === undefined) return;
    const { hub } = follower;
    const shared = hub.followers.size > 1;
    const run = encodeRun(this.encoding, hub.stream, rows, follower.shown, this.shared.now(), shared);
    if (run.bytes !== null) this.send(run.bytes);
    noteReceipt(follower, rows);
    follower.pos = newest.seq;
    follower.shown = run.shown;
    this.shared.metrics.pushed(run.count);
  }

  private async pull(follower: Follower): Promise<void> {
    const { hub, pos } = follower;
    const shared = hub.followers.size > 1;
    const { reader } = this.shared;
    const page = await (shared
      ? reader.sharedPage(hub.stream, pos)
      : reader.page(hub.stream, pos, stepRows * 4));
    if (this.closed || follower.hub.gone || follower.pos !== pos || follower.liveIndex !== notLive) return;
    if (!this.followers.includes(follower) || (this.unsure && follower !== this.followers[0])) return;
    if (page.first > pos + 1) {
      this.gap(hub.stream, { reason: "trimmed", from: pos + 1, to: page.first - 1 });
      follower.pos = follower.shown = page.first - 1;
      return;
    }
    if (page.rows.length === 0 && page.head <= pos && hub.last > pos)
      return hub.checked({ ...headOf(hub), rev: hub.rev, head: page.head }, hub.last);
    this.forward(follower, page.rows);
    if (follower.pos > hub.last) hub.append(page.rows);
  }

  /** Until it is known what the user follows now, nothing of a topic is sent: they may not follow it any more. */
  changed(stream: StreamName): void {
    if (stream !== userStream(this.user)) return;
    this.unsure = true;
    for (const follower of this.followers.slice(1)) follower.hub.leave(follower);
    void this.renew();
  }

  /**
   * Resolves when the session follows what the user follows by the word of the store, asked since the call, and was
   * told so; or when the feed has ended.
   */
  renew(): Promise<void> {
    this.stale = true;
    if (!this.isOpen || this.closed) return Promise.resolve();
    this.renewing ??= this.resubscribeUntilFresh();
    return this.renewing;
  }

  /** Single flight; a change meanwhile makes it go round again. */
  private async resubscribeUntilFresh(): Promise<void> {
    try {
      while (this.stale && !this.closed) {
        this.stale = false;
        await this.resubscribe();
      }
      this.unsure = false;
    } catch (reason) {
      if (!this.closed) this.sink.failed(reason);
    }
    this.renewing = null;
    this.wake();
  }

  private async resubscribe(): Promise<void> {
    const { recount } = this;
    this.recount = false;
    const [subscriptions, unread, state] = await Promise.all([
      this.shared.subscriptions(this.user),
      this.shared.reader.unread(this.user),
      this.shared.reader.state(this.user),
    ]);
    if (this.closed) return;
    const wanted = new Map(subscriptions.map((one) => [topicStream(one.topic), one.since]));
    for (const follower of this.followers.slice(1)) {
      // Followed again since: what was published between is none of theirs.
      if (wanted.get(follower.hub.stream) !== follower.since) this.unfollow(follower);
    }
    for (const [stream, since] of wanted) {
      if (this.follower(stream) !== undefined) continue;
      const hub = await this.shared.hubs.acquire(stream);
      if (this.closed) return this.shared.hubs.release(hub);
      const gaps = this.attach(hub, null, since);
      this.sink.followed(stream, (this.follower(stream) as Follower).pos);
      for (const gap of gaps) this.gap(stream, gap);
    }
    for (const [kind, stream, mark] of noteMarks(this.followers, unread))
      this.sink.marked(kind, stream, mark);
    if (recount || unread.rev !== this.toldRev) this.sink.unread(toldOf(unread));
    this.toldRev = unread.rev;
    if (state.version !== this.toldVersion) this.sink.state(state);
    this.toldVersion = state.version;
  }

  private unfollow(follower: Follower): void {
    this.followers.splice(this.followers.indexOf(follower), 1);
    this.detach(follower);
    this.sink.unfollowed(follower.hub.stream);
  }

  /** The stream went back: take a new hub, say so, and go on from its head. */
  lost(lost: Hub): void {
    void this.replace(lost).catch((reason: unknown) => {
      if (!this.closed) this.sink.failed(reason);
    });
  }

  private async replace(lost: Hub): Promise<void> {
    const old = this.followers.find((follower) => follower.hub === lost);
    if (old === undefined) return;
    lost.leave(old);
    old.waiting = true;
    const hub = await this.shared.hubs.acquire(lost.stream);
    const index = this.followers.indexOf(old);
    if (this.closed || index === -1) return this.shared.hubs.release(hub);
    this.detach(old);
    const place = { epoch: lost.epoch % 256, seq: old.pos };
    const { pos, gaps } = startPlace(place, headOf(hub), old.since, this.shared.replay);
    const follower = makeFollower(hub, this, old.since, pos);
    if (gaps.length === 0) follower.shown = old.shown;
    follower.read = old.read;
    follower.archive = old.archive;
    hub.followers.add(follower);
    this.followers[index] = follower;
    if (hub.gone) return this.lost(hub);
    for (const gap of gaps) this.gap(lost.stream, gap);
    if (index === 0) void this.renew();
    this.wake();
  }
}
