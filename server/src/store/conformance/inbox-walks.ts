/** Paging through inboxes while the walks of unread go on, and what has to be true of it by the naive model. */
import { type StreamTag, tagOf } from "@carillon/protocol/cursor";
import type { StreamName } from "@carillon/protocol/stream";
import fc from "fast-check";
import { expect } from "vitest";
import { everything, type InboxFilter, type InboxItem, type InboxPage } from "../queries.ts";
import type { OpenedStore } from "./suite.ts";
import type { UnreadModel } from "./unread-model.ts";

const minuteMs = 60_000;

/** With one topic, so that a walk's own name for it is put in. */
export interface WalkedFilter extends Pick<InboxFilter, "unread" | "archived" | "silent" | "own" | "type"> {
  readonly topic: string | null;
  readonly source: string | null;
  /** How long ago. */
  readonly sinceMs: number | null;
}

export const limit = fc.integer({ min: 1, max: 7 });

export const walkedFilter: fc.Arbitrary<WalkedFilter> = fc.record({
  unread: fc.constantFrom(false, false, true),
  archived: fc.constantFrom("without", "without", "only", "with"),
  silent: fc.boolean(),
  own: fc.constantFrom(false, false, false, true),
  topic: fc.constantFrom(null, null, null, "t", "u"),
  type: fc.constantFrom(null, null, null, "x"),
  source: fc.constantFrom(null, null, null, "/x"),
  // Advances are multiples of 17 minutes and none of these is.
  sinceMs: fc.constantFrom(null, null, null, 8 * minuteMs, 42 * minuteMs),
});

const filterOf = ({ topic, sinceMs, ...rest }: WalkedFilter, now: number): InboxFilter => ({
  ...rest,
  topics: topic === null ? [] : [topic],
  since: sinceMs === null ? null : now - sinceMs,
});

const asked: readonly InboxFilter[] = [
  everything,
  { ...everything, unread: true },
  { ...everything, archived: "without", silent: false },
  { ...everything, archived: "only" },
  { ...everything, own: true },
];

interface Pager {
  readonly user: string;
  readonly limit: number;
  readonly filter: InboxFilter;
  readonly heads: ReadonlyMap<StreamName, number>;
  from: ReadonlyMap<StreamTag, number>;
  /** What was there when it began and has been there ever since. */
  lasting: readonly string[];
  readonly shown: Set<string>;
}

export interface Pagers {
  /** Reads a first page. */
  open(
    subject: OpenedStore,
    model: UnreadModel,
    wanted: { readonly user: string; readonly limit: number; readonly filter: WalkedFilter },
    now: number,
  ): Promise<void>;
  /** Reads the next page of each. */
  turn(subject: OpenedStore, model: UnreadModel, now: number): Promise<void>;
  /** Something was done: what isn't there any more needn't be shown. */
  stepped(model: UnreadModel, now: number): void;
  /** Reads all to their ends. */
  end(subject: OpenedStore, model: UnreadModel, now: number): Promise<void>;
}

const nameOf = ({ stream, seq }: Pick<InboxItem, "stream" | "seq">): string => `${stream} ${seq}`;

const placesOf = ({ unread, next }: InboxPage): [StreamTag, number][] =>
  unread.streams.map(({ stream }, at) => [tagOf(stream), next[at]!]);

const isOver = (pager: Pager): boolean => [...pager.from.values()].every((seq) => seq === 0);

export function makePagers(): Pagers {
  let pagers: Pager[] = [];

  function take(pager: Pager, page: InboxPage, model: UnreadModel, now: number): void {
    const { user, filter, heads, shown } = pager;
    expect(page.items.length).toBeLessThanOrEqual(pager.limit);
    const there = new Map(model.inbox(user, filter, now).map((item) => [nameOf(item), item]));
    for (const item of page.items) {
      expect(item).toEqual(there.get(nameOf(item)));
      expect(shown.has(nameOf(item)), `${nameOf(item)} once`).toBe(false);
      expect(item.seq).toBeLessThanOrEqual(heads.get(item.stream) ?? 0);
      shown.add(nameOf(item));
    }
    if (isOver(pager)) expect([...shown]).toEqual(expect.arrayContaining([...pager.lasting]));
  }

  const pagerApi: Pagers = {
    async open({ store }, model, { user, limit: most, filter: walked }, now) {
      const filter = filterOf(walked, now);
      const page = await store.queries.inbox({ user, limit: most, from: null, filter });
      const pager: Pager = {
        user,
        limit: most,
        filter,
        heads: new Map(page.unread.streams.map(({ stream, head }) => [stream, head])),
        from: new Map(placesOf(page)),
        lasting: model.inbox(user, filter, now).map(nameOf),
        shown: new Set(),
      };
      take(pager, page, model, now);
      if (!isOver(pager)) pagers.push(pager);
    },
    async turn({ store }, model, now) {
      for (const pager of pagers) {
        const { user, limit: most, filter, from } = pager;
        const page = await store.queries.inbox({ user, limit: most, from, filter });
        const next = new Map(placesOf(page));
        pager.from = new Map(Array.from(from, ([tag]) => [tag, next.get(tag) ?? 0]));
        const left = (some: ReadonlyMap<StreamTag, number>) => [...some.values()].reduce((a, b) => a + b, 0);
        expect(left(pager.from), "each page comes further").toBeLessThan(left(from));
        take(pager, page, model, now);
      }
      pagers = pagers.filter((pager) => !isOver(pager));
    },
    stepped(model, now) {
      for (const pager of pagers) {
        const there = new Set(model.inbox(pager.user, pager.filter, now).map(nameOf));
        pager.lasting = pager.lasting.filter((name) => there.has(name));
      }
    },
    async end(subject, model, now) {
      while (pagers.length > 0) await pagerApi.turn(subject, model, now);
    },
  };
  return pagerApi;
}

let rotated = 0;

/** The pages of one filter and one limit, each time others. */
export async function agreeOnPages(
  { store }: OpenedStore,
  model: UnreadModel,
  user: string,
  now: number,
): Promise<void> {
  const filter = asked[rotated++ % asked.length]!;
  const most = 1 + (rotated % 6);
  const shown = model.inbox(user, filter, now);
  const items: InboxItem[] = [];
  for (let from: ReadonlyMap<StreamTag, number> | null = null; ; ) {
    const page: InboxPage = await store.queries.inbox({ user, limit: most, from, filter });
    expect(page.items.length).toBeLessThanOrEqual(most);
    expect(page.unread).toMatchObject(model.unread(user, now));
    items.push(...page.items);
    from = new Map(placesOf(page));
    if (page.next.every((seq) => seq === 0)) break;
    expect(items.length).toBeLessThanOrEqual(shown.length);
  }
  expect(items).toEqual(shown);
}
