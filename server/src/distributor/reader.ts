import { isTopicStream, type StreamName } from "@carillon/protocol/stream";
import { Failure } from "../errors.ts";
import type { KeptState, PeopleDriver } from "../store/people.ts";
import type { PositionsDriver, Unread } from "../store/positions.ts";
import type { Head, Page, StreamsDriver } from "../store/streams.ts";
import { readOnce } from "./read-once.ts";

/**
 * All reads of the store by hubs and feeds: bounded in number, users' own streams before topics, heads asked
 * for in one turn travelling in one query, and whole pages of a topic shared by everyone who catches up.
 */
export interface Reader {
  /** Rows behind `after`, at most `limit`; see the streams port. */
  page(stream: StreamName, after: number, limit: number): Promise<Page>;
  /** Like `page`, but the page ends at a multiple of 64 and may be shared with other callers. */
  sharedPage(stream: StreamName, after: number): Promise<Page>;
  head(stream: StreamName): Promise<Head & { readonly epoch: number }>;
  unread(user: string): Promise<Unread>;
  state(user: string): Promise<KeptState>;
  /** Any other read that a session needs before it can begin. */
  ask<T>(read: () => Promise<T>): Promise<T>;
  /** Forgets shared pages of a stream: something in them was taken back. */
  forget(stream: StreamName): void;
}

export interface ReaderLimits {
  /** Reads under way at once. */
  readonly concurrency: number;
  /** Reads that may wait; one more is refused with `Failure("overloaded")`. */
  readonly waiting: number;
  /** Bytes of shared pages kept. */
  readonly pageBytes: number;
}

const blockRows = 64;
const headsPerQuery = 1000;

type Job = () => Promise<void>;

interface Block {
  readonly page: Promise<Page>;
  bytes: number;
}

const pageBytes = (page: Page): number =>
  page.rows.reduce((sum, row) => sum + 200 + (row.body?.length ?? 0) * 2, 0);

export function makeReader(
  streams: StreamsDriver,
  positions: Pick<PositionsDriver, "unread">,
  people: Pick<PeopleDriver, "state">,
  limits: ReaderLimits,
): Reader {
  const urgent: Job[] = [];
  const patient: Job[] = [];
  let running = 0;

  function pump(): void {
    while (running < limits.concurrency) {
      const job = urgent.shift() ?? patient.shift();
      if (job === undefined) return;
      running++;
      void job().finally(() => {
        running--;
        pump();
      });
    }
  }

  function gated<T>(first: boolean, read: () => Promise<T>): Promise<T> {
    if (urgent.length + patient.length >= limits.waiting) {
      return Promise.reject(
        new Failure("overloaded", "too many reads of the store are waiting", { retryAfterMs: 1000 }),
      );
    }
    return new Promise<T>((resolve, reject) => {
      (first ? urgent : patient).push(() => read().then(resolve, reject));
      pump();
    });
  }

  const page = (stream: StreamName, after: number, limit: number): Promise<Page> =>
    gated(!isTopicStream(stream), () => streams.read(stream, after, limit));

  const unread = readOnce((user) => gated(true, () => positions.unread(user)));
  const state = readOnce((user) => gated(true, () => people.state(user)));

  const blocks = new Map<StreamName, Map<number, Block>>();
  let kept = 0;

  function keep(stream: StreamName, index: number, block: Block, read: Page): void {
    const of = blocks.get(stream);
    if (of?.get(index) !== block) return;
    const whole = read.rows[0]?.seq === index * blockRows + 1 && read.rows.length === blockRows;
    if (!whole) {
      of.delete(index);
      if (of.size === 0) blocks.delete(stream);
      return;
    }
    block.bytes = pageBytes(read);
    kept += block.bytes;
    while (kept > limits.pageBytes && blocks.size > 0) forget(blocks.keys().next().value as StreamName);
  }

  function forget(stream: StreamName): void {
    for (const block of blocks.get(stream)?.values() ?? []) kept -= block.bytes;
    blocks.delete(stream);
  }

  function block(stream: StreamName, index: number): Promise<Page> {
    let of = blocks.get(stream);
    const known = of?.get(index);
    if (known !== undefined) return known.page;
    const made: Block = { page: page(stream, index * blockRows, blockRows), bytes: 0 };
    if (of === undefined) {
      of = new Map();
      blocks.set(stream, of);
    }
    of.set(index, made);
    made.page.then(
      (read) => keep(stream, index, made, read),
      () => of.delete(index),
    );
    return made.page;
  }

  async function sharedPage(stream: StreamName, after: number): Promise<Page> {
    const whole = await block(stream, Math.floor(after / blockRows));
    if (whole.first > after + 1 || (whole.rows.at(-1)?.seq ?? 0) > after) {
      return { ...whole, rows: whole.rows.filter((row) => row.seq > after) };
    }
    return page(stream, after, blockRows);
  }

  interface HeadWaiter {
    readonly stream: StreamName;
    readonly resolve: (head: Head & { readonly epoch: number }) => void;
    readonly reject: (reason: unknown) => void;
  }
  let heads: HeadWaiter[] = [];

  async function readHeads(waiters: readonly HeadWaiter[]): Promise<void> {
    try {
      const answer = await gated(true, () => streams.heads(waiters.map((waiter) => waiter.stream)));
      waiters.forEach((waiter, index) => {
        waiter.resolve({ ...(answer.heads[index] as Head), epoch: answer.epoch });
      });
    } catch (reason) {
      for (const waiter of waiters) waiter.reject(reason);
    }
  }

  function head(stream: StreamName): Promise<Head & { readonly epoch: number }> {
    return new Promise((resolve, reject) => {
      heads.push({ stream, resolve, reject });
      if (heads.length > 1) return;
      queueMicrotask(() => {
        const all = heads;
        heads = [];
        for (let at = 0; at < all.length; at += headsPerQuery)
          void readHeads(all.slice(at, at + headsPerQuery));
      });
    });
  }

  return { page, sharedPage, head, unread, state, ask: (read) => gated(true, read), forget };
}
