import { tagOf } from "@carillon/protocol/cursor";
import { type StreamName, topicStream } from "@carillon/protocol/stream";
import { describe, expect, test } from "vitest";
import type { InboxFilter, InboxPage } from "../queries.ts";
import type { StoreBackend } from "../store.ts";
import { apply, needsClock, opened, record, records, type StoreUnderTest } from "./suite.ts";

const minuteMs = 60_000;
const everything: InboxFilter = {
  unread: false,
  archived: "without",
  silent: false,
  own: false,
  topics: [],
  type: null,
  source: null,
  since: null,
};

const places = ({ items }: InboxPage) => items.map(({ stream, seq }) => `${stream} ${seq}`);

const fromOf = ({ unread, next }: InboxPage) =>
  new Map(unread.streams.map(({ stream }, at) => [tagOf(stream), next[at]!]));

const leftOf = ({ next }: InboxPage): number => next.reduce((sum, seq) => sum + seq, 0);

const page = (store: StoreBackend, limit: number, filter: Partial<InboxFilter> = {}, before?: InboxPage) =>
  store.queries.inbox({
    user: "a",
    limit,
    from: before === undefined ? null : fromOf(before),
    filter: { ...everything, ...filter },
  });

async function allPages(
  store: StoreBackend,
  limit: number,
  filter: Partial<InboxFilter> = {},
): Promise<InboxPage[]> {
  const pages = [await page(store, limit, filter)];
  for (let left = leftOf(pages[0]!); left > 0; ) {
    pages.push(await page(store, limit, filter, pages.at(-1)!));
    const then = leftOf(pages.at(-1)!);
    expect(then, "each page comes further").toBeLessThan(left);
    left = then;
  }
  return pages;
}

async function following(subject: StoreUnderTest, ...topics: readonly string[]): Promise<StoreBackend> {
  const { store } = await opened(subject);
  await follow(store, ...topics);
  return store;
}

async function follow({ directory }: StoreBackend, ...topics: readonly string[]): Promise<void> {
  await Promise.all(topics.map((one) => directory.putTopic(one, "key:k")));
  await Promise.all(topics.map((one) => directory.subscribe(one, ["a"], 256)));
}

/** Walks of `unread` page through inboxes too, and compare them with the model. */
export function examineInbox(name: string, subject: StoreUnderTest): void {
  describe(`inboxes on ${name}`, () => {
    test("nobody's is empty, and its only page says so", async () => {
      const { store } = await opened(subject);
      expect(await page(store, 50)).toMatchObject({ items: [], next: [0], unread: { total: 0 } });
    });

    test("newest first, of the same time the user's own first, then topics by name, then the higher seq", async (context) => {
      needsClock(subject, context);
      const subjectStore = await opened(subject);
      const { store } = subjectStore;
      await follow(store, "t", "s");
      const order: StreamName[] = ["topic:s", "user:a", "topic:t"];
      for (const stream of order) {
        await apply(store.streams, ...records(stream, 2));
        await subjectStore.advance(minuteMs);
      }
      await apply(store.streams, ...order.flatMap((stream) => records(stream, 2)));
      const expected = [
        ...["user:a", "topic:s", "topic:t"].flatMap((stream) => [`${stream} 4`, `${stream} 3`]),
        ...["topic:t", "user:a", "topic:s"].flatMap((stream) => [`${stream} 2`, `${stream} 1`]),
      ];
      // Streams of several servers are stored one after the other.
      const isOne = subject.capabilities.parts === 1;
      for (const limit of [1, 2, 5, 12, 100]) {
        const shown = (await allPages(store, limit)).flatMap(places);
        expect(isOne ? shown : [...shown.slice(0, 6).sort(), ...shown.slice(6)]).toEqual(
          isOne ? expected : [...expected.slice(0, 6).sort(), ...expected.slice(6)],
        );
      }
    });

    test("in a stream by seq, each once, also where the clock went back", async (context) => {
      needsClock(subject, context);
      const subjectStore = await opened(subject);
      const { store } = subjectStore;
      await follow(store, "t");
      await subjectStore.advance(10 * minuteMs);
      await apply(store.streams, ...records("user:a", 5), ...records("topic:t", 5));
      await subjectStore.advance(-10 * minuteMs);
      for (let n = 0; n < 5; n++) {
        await apply(store.streams, ...records("user:a", 1));
        await apply(store.streams, ...records("topic:t", 1));
      }
      for (const limit of [1, 3, 7]) {
        const shown = (await allPages(store, limit)).flatMap(places);
        for (const stream of ["user:a", "topic:t"]) {
          const seqs = shown.filter((one) => one.startsWith(stream)).map((one) => Number(one.split(" ")[1]));
          expect(seqs).toEqual([10, 9, 8, 7, 6, 5, 4, 3, 2, 1]);
        }
      }
    });

    test("256 topics and the user's own stream, some of them busy", async () => {
      const names = Array.from({ length: 256 }, (_, at) => `t${String(at).padStart(3, "0")}`);
      const store = await following(subject, ...names);
      await apply(store.streams, ...names.map((one) => record(topicStream(one))));
      await apply(store.streams, ...records("topic:t100", 200), ...records("user:a", 200));
      const first = await page(store, 100);
      expect(first.items).toHaveLength(100);
      const busy = new Set(["user:a", "topic:t100"]);
      expect(first.items.every(({ stream }) => busy.has(stream))).toBe(true);
      const shown = (await allPages(store, 100)).flatMap(places);
      expect(shown).toHaveLength(656);
      expect(new Set(shown).size).toBe(656);
    });

    test("what filters leave out costs a page no more than 1,024 rows, and each page comes further", async () => {
      const store = await following(subject, "t");
      await apply(store.streams, record("user:a"), record("topic:t"));
      for (let n = 0; n < 3; n++)
        await apply(
          store.streams,
          ...Array.from({ length: 1_000 }, (_, at) => record(at % 2 ? "user:a" : "topic:t", { kind: 1 })),
        );
      const pages = await allPages(store, 10);
      expect(pages.slice(0, -1).every((one) => one.items.length < 10)).toBe(true);
      expect(pages.length).toBeGreaterThanOrEqual(3);
      expect(pages.length).toBeLessThanOrEqual(4);
      expect(new Set(pages.flatMap(places))).toEqual(new Set(["user:a 1", "topic:t 1"]));
    });

    test("what is read, or archived, is skipped without being looked at", async () => {
      const store = await following(subject);
      for (let n = 0; n < 3; n++) await apply(store.streams, ...records("user:a", 1_000));
      const seqs = [3, 1_500];
      await store.positions.mark("a", "read", { all: true });
      await store.positions.mark("a", "read", { stream: "user:a", seqs, undo: true });
      await store.positions.mark("a", "archive", { stream: "user:a", seqs: [7, 2_000], undo: false });
      const unread = await page(store, 10, { unread: true });
      expect(places(unread)).toEqual(["user:a 1500", "user:a 3"]);
      expect(unread.next).toEqual([0]);
      const archived = await page(store, 10, { archived: "only" });
      expect(places(archived)).toEqual(["user:a 2000", "user:a 7"]);
      expect(archived.next).toEqual([0]);
    });

    test("256 single marks of each kind are paged through like any others", async () => {
      const store = await following(subject);
      await apply(store.streams, ...records("user:a", 1_100));
      const every = (from: number) => Array.from({ length: 256 }, (_, at) => from + 4 * at);
      await store.positions.mark("a", "read", { stream: "user:a", seqs: every(2), undo: false });
      await store.positions.mark("a", "archive", { stream: "user:a", seqs: every(4), undo: false });
      const shown = (await allPages(store, 100, { unread: true })).flatMap(places);
      const marked = new Set([...every(2), ...every(4)]);
      const expected = Array.from({ length: 1_100 }, (_, at) => 1_100 - at).filter((seq) => !marked.has(seq));
      expect(shown).toEqual(expected.map((seq) => `user:a ${seq}`));
    });

    test("a page carries about 1 MB of bodies, and always one", async () => {
      const store = await following(subject);
      const body = JSON.stringify({ data: "x".repeat(64_000) });
      await apply(store.streams, ...Array.from({ length: 40 }, () => record("user:a", { body })));
      const pages = await allPages(store, 100);
      expect(pages[0]!.items.length).toBeGreaterThan(8);
      expect(pages[0]!.items.length).toBeLessThan(33);
      expect(pages.flatMap(places)).toHaveLength(40);
    });

    test("type, source and topic are those of the event, whatever else is in it", async () => {
      const store = await following(subject, "t");
      const awkward = { data: { type: "x", source: "/x", topic: "t", text: '\u0000 \ud800 \\ \\u0000 " é' } };
      const sent = [{ type: "x" }, { source: "/x" }, { topic: "t" }, { type: 'é"\\' }, {}].map((some) =>
        record("user:a", { body: JSON.stringify({ type: "y", source: "/y", ...awkward, ...some }) }),
      );
      await apply(store.streams, ...sent);
      const shown = async (filter: Partial<InboxFilter>) => places(await page(store, 10, filter));
      expect(await shown({ type: "x" })).toEqual(["user:a 1"]);
      expect(await shown({ source: "/x" })).toEqual(["user:a 2"]);
      expect(await shown({ topics: ["t"] })).toEqual(["user:a 3"]);
      expect(await shown({ type: 'é"\\' })).toEqual(["user:a 4"]);
      expect(await shown({ type: "x", source: "/x" })).toEqual([]);
      const [first] = (await page(store, 10, { type: "x" })).items;
      expect(first?.body).toBe(sent[0]!.body);
    });

    test("a stream that isn't named by where a page goes on isn't looked at, nor what is followed anew", async () => {
      const store = await following(subject, "t");
      await apply(store.streams, ...records("user:a", 2), ...records("topic:t", 2));
      const first = await page(store, 1);
      await follow(store, "u");
      await apply(store.streams, ...records("topic:u", 1));
      await store.directory.unsubscribe("t", "a");
      await store.directory.subscribe("t", ["a"], 256);
      await apply(store.streams, ...records("topic:t", 1), ...records("user:a", 1));
      const then = await store.queries.inbox({
        user: "a",
        limit: 9,
        from: fromOf(first),
        filter: everything,
      });
      const shown = [...places(first), ...places(then)].filter((one) => one.startsWith("user:"));
      expect(shown).toEqual(["user:a 2", "user:a 1"]);
      expect(places(then).every((one) => one.startsWith("user:"))).toBe(true);
      expect(then.unread.streams.map(({ stream }) => stream)).toEqual(["user:a", "topic:t", "topic:u"]);
      expect(then.next).toEqual([0, 0, 0]);
    });

    test("what isn't kept is not shown, and nothing is looked for behind it", async () => {
      const store = await following(subject);
      await apply(store.streams, ...records("user:a", 2_000));
      await store.streams.trim("user:a", 1_997);
      const only = await page(store, 10);
      expect(places(only)).toEqual(["user:a 2000", "user:a 1999", "user:a 1998"]);
      expect(only.next).toEqual([0]);
    });
  });
}
