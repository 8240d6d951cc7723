import type { StreamTag } from "@carillon/protocol/cursor";
import type { StreamName } from "@carillon/protocol/stream";
import type { BusMessage } from "../bus/driver.ts";
import type { Clock } from "../clock.ts";
import { Kind, type Row } from "../store/streams.ts";
import { type Follower, joinLive, type LiveSet, leaveLive, makeLiveSet, notLive } from "./follower.ts";
import type { DistributorMetrics } from "./metrics.ts";
import type { Reader } from "./reader.ts";
import { covers, firstSeq, makeRing, type Ring, type RingBudget, replaceRow, rowAt } from "./ring.ts";
import { encodeRun, type Run } from "./run.ts";

/** What hubs share. */
export interface HubShared {
  readonly clock: Clock;
  readonly reader: Reader;
  readonly budget: RingBudget;
  readonly metrics: DistributorMetrics;
  /** Null where nobody follows what becomes of a notification. */
  readonly tracePush: TracePush | null;
  /** Asks for a pass over the hub's live set in this turn. */
  dirty(hub: Hub): void;
  /** The stream went back or another epoch began: the hub is to be replaced, its followers attached anew. */
  lost(hub: Hub): void;
}

/**
 * Told of each row that is about to be pushed to the sessions that are here. What it returns is told once they all
 * have it, and how many they are; null where the row isn't followed.
 */
export type TracePush = (stream: StreamName, row: Row) => ((sessions: number) => void) | null;

const fillRows = 256;
const fillBackoffMs = { first: 100, most: 5_000 };

/**
 * A distributor's view of one stream.
 *
 *   cold --warm()--> warm: `last` is known; messages of the bus append, or make it fill
 *   warm --lost----> gone: followers attach to another hub
 *
 * `last` is the newest seq that the hub knows to be committed; it never exceeds the stream's head. Messages of
 * the bus and pages of the store both end in `append`, which takes only what continues `last`: loss, repeats
 * and reordering all come down to "already have it", "the next", or "fill".
 */
export class Hub {
  readonly stream: StreamName;
  readonly tag: StreamTag;
  readonly live: LiveSet = makeLiveSet();
  readonly ring: Ring = makeRing();
  /** All followers, live or not. */
  readonly followers = new Set<Follower>();
  /** Followers, and those about to be: while there are any, the hub stays. */
  holds = 0;
  last = -1;
  first = 1;
  epoch = 0;
  rev = 0;
  receiptSeq = 0;
  /** Somebody said that the stream goes at least this far. */
  want = 0;
  filling = false;
  gone = false;
  /** A pass is asked for or under way; `again`: rows came after it had begun. */
  passing = false;
  again = false;
  idleSince = 0;
  /** When the oldest row that the coming pass sends was accepted; 0 when unknown. */
  acceptedAt = 0;
  committedAt = 0;
  /** Of rows that the pass under way, or the next, pushes. */
  private readonly traced: ReturnType<TracePush>[] = [];
  private readonly shared: HubShared;
  /** Taken back beyond `last`: a page that is on its way may still have them whole. */
  private readonly withdrawn = new Set<number>();
  private readonly runs: { name: string; from: number; shown: number; to: number; run: Run }[] = [];

  constructor(stream: StreamName, tag: StreamTag, shared: HubShared) {
    this.stream = stream;
    this.tag = tag;
    this.shared = shared;
  }

  /** The head as the store gave it, read after the bus had confirmed the subscription. */
  warmed(head: { head: number; first: number; rev: number; receiptSeq: number; epoch: number }): void {
    this.last = head.head;
    this.first = head.first;
    this.epoch = head.epoch;
    this.rev = Math.max(this.rev, head.rev);
    this.receiptSeq = head.receiptSeq;
    if (this.want > this.last) void this.fill();
  }

  onBus(message: BusMessage): void {
    if (this.gone) return;
    switch (message.type) {
      case "rows": {
        const oldest = message.rows[0];
        const newest = message.rows.at(-1);
        if (oldest === undefined || newest === undefined || newest.seq <= this.last) return;
        if (this.last < 0 || oldest.seq > this.last + 1) return this.wanted(newest.seq);
        if (this.acceptedAt === 0) {
          this.acceptedAt = message.acceptedAt;
          this.committedAt = message.committedAt;
        }
        this.append(
          oldest.seq === this.last + 1 ? message.rows : message.rows.slice(this.last + 1 - oldest.seq),
        );
        return;
      }
      case "head":
        return this.wanted(message.head);
      case "changed":
        return this.revised(message.rev);
      case "withdrawn":
        if (this.last >= 0 && message.seq > this.last) this.withdrawn.add(message.seq);
        else replaceRow(this.ring, tombstoneOf(message.seq));
        this.shared.reader.forget(this.stream);
        return this.revised(message.rev);
      case "ephemeral":
        return this.ephemeral(message.body);
      case "revoked":
      case "erased":
      case "asked":
      case "present":
        return;
    }
  }

  /** What a check against the store found; `lastBefore` is what `last` was when the store was asked. */
  checked(head: { head: number; rev: number; epoch: number }, lastBefore: number): void {
    if (this.gone || this.last < 0) return;
    if (head.epoch !== this.epoch || head.head < lastBefore) return this.shared.lost(this);
    if (head.head > this.last) this.wanted(head.head);
    if (head.rev === this.rev) return;
    // What was taken back may be among what is kept here.
    this.shared.budget.clear(this.ring);
    this.shared.reader.forget(this.stream);
    this.revised(head.rev);
  }

  private revised(rev: number): void {
    if (rev <= this.rev) return;
    this.rev = rev;
    for (const follower of this.followers) follower.session.changed(this.stream);
  }

  wanted(seq: number): void {
    if (seq <= this.want || seq <= this.last) return;
    this.want = seq;
    if (this.last >= 0) void this.fill();
  }

  /** Takes the rows that continue `last`, in order; others are none of its business. */
  append(rows: readonly Row[]): void {
    if (this.followers.size === 1) this.forgetWhatItHas();
    const tracePush = this.live.members.length > 0 ? this.shared.tracePush : null;
    for (const row of rows) {
      if (row.seq !== this.last + 1) continue;
      const isWithdrawn = this.withdrawn.size > 0 && this.withdrawn.delete(row.seq);
      this.shared.budget.add(this.ring, isWithdrawn ? tombstoneOf(row.seq) : row);
      this.last = row.seq;
      if (row.receipt) this.receiptSeq = row.seq;
      if (tracePush !== null) this.traced.push(tracePush(this.stream, row));
    }
    this.shared.dirty(this);
  }

  /** Rows that its only follower was sent: nobody is there to want them, and long-lived ones cost the collector most. */
  private forgetWhatItHas(): void {
    const [only] = this.live.members;
    if (only !== undefined && only.pos === this.last) this.shared.budget.clear(this.ring);
  }

  private async fill(): Promise<void> {
    if (this.filling) return;
    this.filling = true;
    let backoffMs = fillBackoffMs.first;
    while (!this.gone && this.last < this.want) {
      try {
        const before = this.last;
        const asked = this.want;
        const page = await this.shared.reader.page(this.stream, before, fillRows);
        if (this.gone) break;
        if (page.head < before) {
          this.shared.lost(this);
          break;
        }
        if (page.first > this.last + 1) this.jump(page.first - 1);
        this.append(page.rows);
        if (this.last >= page.head && this.want === asked) {
          this.want = Math.min(asked, page.head);
          if ([...this.followers].some((follower) => follower.pos > this.last)) this.shared.lost(this);
        }
        backoffMs = fillBackoffMs.first;
      } catch {
        await new Promise<void>((resolve) => void this.shared.clock.after(backoffMs, resolve));
        backoffMs = Math.min(backoffMs * 2, fillBackoffMs.most);
      }
    }
    this.filling = false;
    this.wakeWaiting();
  }

  /** Rows up to `last` are trimmed away: what the ring holds continues nothing any more. */
  private jump(last: number): void {
    this.shared.budget.clear(this.ring);
    for (const seq of this.withdrawn) if (seq <= last) this.withdrawn.delete(seq);
    this.last = last;
    this.first = last + 1;
    this.shared.dirty(this);
  }

  private wakeWaiting(): void {
    for (const follower of this.followers) {
      if (!follower.waiting) continue;
      follower.waiting = false;
      follower.session.wake();
    }
  }

  join(follower: Follower): void {
    if (follower.pos !== this.last)
      throw new Error(`${this.stream}: joined at ${follower.pos}, not ${this.last}`);
    follower.joined = true;
    joinLive(this.live, follower);
  }

  leave(follower: Follower): void {
    leaveLive(this.live, follower);
  }

  covers(seq: number): boolean {
    return covers(this.ring, seq);
  }

  /** The ring's rows `from`..`to`; they must be covered. */
  rows(from: number, to: number): readonly Row[] {
    const at = this.ring.start + from - (firstSeq(this.ring) as number);
    rowAt(this.ring, from);
    return this.ring.rows.slice(at, at + to - from + 1);
  }

  /** Sends `follower` all it lacks. It falls out of the live set when the ring doesn't reach so far back, or when it is slow. */
  private push(follower: Follower): void {
    if (follower.pos >= this.last) return;
    if (!this.covers(follower.pos + 1)) return this.demote(follower);
    const run = this.run(follower);
    if (run.bytes !== null) follower.session.send(run.bytes);
    if (this.receiptSeq > follower.pos) noteReceipt(follower, this.rows(follower.pos + 1, this.last));
    follower.pos = this.last;
    follower.shown = run.shown;
    this.shared.metrics.pushed(run.count);
    if (!follower.session.writable()) this.demote(follower);
  }

  private demote(follower: Follower): void {
    this.leave(follower);
    follower.session.wake();
  }

  private run(follower: Follower): Run {
    const { encoding } = follower.session;
    const alone = this.live.members.length === 1;
    const { pos, shown } = follower;
    const known = alone
      ? undefined
      : this.runs.find(
          (entry) =>
            entry.name === encoding.name &&
            entry.from === pos &&
            entry.shown === shown &&
            entry.to === this.last,
        );
    if (known !== undefined) return known.run;
    const run = encodeRun(
      encoding,
      this.stream,
      this.rows(pos + 1, this.last),
      shown,
      this.shared.clock.now(),
      !alone,
    );
    if (!alone) {
      if (this.runs.length >= 8) this.runs.shift();
      this.runs.push({ name: encoding.name, from: pos, shown, to: this.last, run });
    }
    return run;
  }

  /** Visits at most `most` live followers of the pass under way; says how many it visited. */
  pass(most: number): number {
    const { live } = this;
    let visits = 0;
    while (visits < most && live.visited < live.members.length) {
      const follower = live.members[live.visited++] as Follower;
      visits++;
      this.push(follower);
    }
    return visits;
  }

  passed(): boolean {
    return this.live.visited >= this.live.members.length;
  }

  /** Begins another pass; true when there is something for it to do. */
  endPass(): void {
    this.live.visited = 0;
    this.runs.length = 0;
    if (this.traced.length > 0) {
      for (const pushed of this.traced.splice(0)) pushed?.(this.live.members.length);
    }
    if (this.acceptedAt === 0) return;
    const now = this.shared.clock.now();
    this.shared.metrics.pushLatency(now - this.acceptedAt, now - this.committedAt);
    this.acceptedAt = 0;
  }

  private ephemeral(body: string): void {
    const json = `{"type":"notification","stream":"${this.stream}","event":${body}}`;
    const frames = new Map<string, Buffer>();
    for (const follower of [...this.live.members]) {
      const { session } = follower;
      if (follower.liveIndex === notLive || !session.writable()) continue;
      const bytes = frames.get(session.encoding.name) ?? session.encoding.frame("notification", json);
      frames.set(session.encoding.name, bytes);
      session.send(bytes);
    }
  }
}

const tombstoneOf = (seq: number): Row => ({
  seq,
  kind: Kind.tombstone,
  expiresAt: null,
  receipt: false,
  body: null,
});

export function noteReceipt(follower: Follower, rows: readonly Row[]): void {
  if (follower.receiptFrom !== 0) return;
  const row = rows.find((candidate) => candidate.receipt && candidate.kind !== Kind.tombstone);
  if (row !== undefined) follower.receiptFrom = row.seq;
}
