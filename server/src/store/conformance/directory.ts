import { describe, expect, test } from "vitest";
import { defaultPolicy } from "../directory.ts";
import { apply, headOf, keepUp, opened, record, records, type StoreUnderTest } from "./suite.ts";

const people = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `u${String(at).padStart(4, "0")}`);

export function examineDirectory(name: string, subject: StoreUnderTest): void {
  describe(`directory on ${name}`, () => {
    test("a topic is made once and keeps its owner", async () => {
      const { store } = await opened(subject);
      const { directory } = store;
      expect(await directory.getTopic("t")).toBeNull();
      expect(await directory.putTopic("t", "key:shop")).toEqual({ created: true });
      expect(await directory.putTopic("t", "user:7")).toEqual({ created: false });
      const topic = await directory.getTopic("t");
      expect(topic).toEqual({
        topic: "t",
        owner: "key:shop",
        createdAt: expect.any(Number),
        subscribers: 0,
        ...defaultPolicy,
      });
      expect(Math.abs(Date.now() - topic!.createdAt)).toBeLessThan(60_000);
    });

    test("topics are listed by name, page by page", async () => {
      const { store } = await opened(subject);
      const { directory } = store;
      expect(await directory.listTopics("", 10)).toEqual({ items: [], next: null });
      for (const topic of ["b", "a:1", "c", "A", "a"]) await directory.putTopic(topic, "key:k");
      const first = await directory.listTopics("", 3);
      expect(first.items.map(({ topic }) => topic)).toEqual(["A", "a", "a:1"]);
      expect(first.next).toBe("a:1");
      const rest = await directory.listTopics(first.next!, 3);
      expect(rest.items.map(({ topic }) => topic)).toEqual(["b", "c"]);
      expect(rest.next).toBeNull();
      expect((await directory.listTopics("", 5)).next).toBeNull();
    });

    test("a subscription begins at the topic's head, keeps its place, and raises the user's rev", async () => {
      const subjectStore = await opened(subject);
      const { directory, streams } = subjectStore.store;
      await directory.putTopic("t", "key:k");
      await apply(streams, ...records("topic:t", 3));
      const { rev } = await headOf(streams, "user:a");
      expect(await directory.subscribe("t", ["a", "b"], 256)).toEqual({
        changed: [
          { stream: "user:a", rev: rev + 1 },
          { stream: "user:b", rev: rev + 1 },
        ],
        full: [],
      });
      await apply(streams, record("topic:t"));
      expect(await directory.subscribe("t", ["c", "a", "c"], 256)).toEqual({
        changed: [{ stream: "user:c", rev: 1 }],
        full: [],
      });
      await subjectStore.reopen();
      const { directory: later, streams: laterStreams } = subjectStore.store;
      expect(await later.subscriptions("a")).toEqual([{ topic: "t", since: 3 }]);
      expect(await later.subscriptions("c")).toEqual([{ topic: "t", since: 4 }]);
      expect(await headOf(laterStreams, "user:a")).toMatchObject({ head: 0, rev: rev + 1 });
      expect(await later.getTopic("t")).toMatchObject({ subscribers: 3 });
    });

    test("nobody subscribes to a topic that doesn't exist", async () => {
      const { store } = await opened(subject);
      expect(await store.directory.subscribe("t", ["a"], 256)).toBeNull();
      await apply(store.streams, record("topic:t"));
      expect(await store.directory.subscribe("t", ["a"], 256)).toBeNull();
      expect(await store.directory.subscriptions("a")).toEqual([]);
    });

    test("who follows as many topics as are allowed is left out and named", async () => {
      const { store } = await opened(subject);
      const { directory, streams } = store;
      for (const topic of ["x", "y", "z"]) await directory.putTopic(topic, "key:k");
      for (const topic of ["x", "y"]) await directory.subscribe(topic, ["a"], 2);
      const { rev } = await headOf(streams, "user:a");
      expect(await directory.subscribe("z", ["a", "b"], 2)).toEqual({
        changed: [{ stream: "user:b", rev: 1 }],
        full: ["a"],
      });
      expect(await directory.subscribe("y", ["a"], 2)).toEqual({ changed: [], full: [] });
      expect(await headOf(streams, "user:a")).toMatchObject({ rev });
      await directory.unsubscribe("x", "a");
      expect(await directory.subscribe("z", ["a"], 2)).toMatchObject({ full: [] });
      expect(await directory.subscriptions("a")).toEqual([
        { topic: "y", since: 0 },
        { topic: "z", since: 0 },
      ]);
    });

    test("unsubscribing ends it, once", async () => {
      const { store } = await opened(subject);
      const { directory } = store;
      await directory.putTopic("t", "key:k");
      await directory.subscribe("t", ["a", "b"], 256);
      expect(await directory.unsubscribe("t", "a")).toEqual({ changed: [{ stream: "user:a", rev: 2 }] });
      expect(await directory.unsubscribe("t", "a")).toBeNull();
      expect(await directory.unsubscribe("nowhere", "a")).toBeNull();
      expect(await directory.subscriptions("a")).toEqual([]);
      expect(await directory.getTopic("t")).toMatchObject({ subscribers: 1 });
    });

    test("1,000 users subscribe at once; subscribers are listed by name, page by page", async () => {
      const { store } = await opened(subject);
      const { directory } = store;
      await directory.putTopic("t", "key:k");
      const touched = await directory.subscribe("t", people(1_000), 256);
      expect(touched?.changed).toHaveLength(1_000);
      expect(await directory.getTopic("t")).toMatchObject({ subscribers: 1_000 });
      const listed: string[] = [];
      for (let after: string | null = ""; after !== null; ) {
        const page = await directory.subscribers("t", after, 300);
        expect(page.items.length).toBeLessThanOrEqual(300);
        listed.push(...page.items.map(({ user }) => user));
        after = page.next;
      }
      expect(listed).toEqual(people(1_000));
      expect(await directory.subscribers("nowhere", "", 10)).toEqual({ items: [], next: null });
    });

    test("a deleted topic takes its subscriptions and rows with it, and tells everybody", async () => {
      const { store } = await opened(subject);
      const { directory, streams } = store;
      await directory.putTopic("t", "key:k");
      await directory.putTopic("other", "key:k");
      await directory.subscribe("t", ["a", "b"], 256);
      await directory.subscribe("other", ["a"], 256);
      const one = record("topic:t");
      await apply(streams, one, record("topic:t"));
      const touched = await directory.deleteTopic("t");
      expect(touched?.changed.toSorted((x, y) => x.stream.localeCompare(y.stream))).toEqual([
        { stream: "topic:t", rev: 1 },
        { stream: "user:a", rev: 3 },
        { stream: "user:b", rev: 2 },
      ]);
      expect(await directory.deleteTopic("t")).toBeNull();
      expect(await directory.getTopic("t")).toBeNull();
      expect((await directory.listTopics("", 10)).items.map(({ topic }) => topic)).toEqual(["other"]);
      expect(await directory.subscriptions("a")).toEqual([{ topic: "other", since: 0 }]);
      expect(await directory.subscribers("t", "", 10)).toEqual({ items: [], next: null });
      expect(await streams.read("topic:t", 0, 10)).toEqual({ first: 3, head: 2, rows: [] });
      expect(await headOf(streams, "user:a")).toMatchObject({ rev: 3 });
      expect((await apply(streams, record("topic:t"), one)).outcomes).toEqual([
        { status: "closed" },
        { status: "closed" },
      ]);
    });

    test("a topic with more followers than fit in one commit is deleted whole", async () => {
      const { store } = await opened(subject);
      const { directory, streams } = store;
      await directory.putTopic("t", "key:k");
      const users = people(2_500);
      for (let at = 0; at < users.length; at += 1_000) {
        await directory.subscribe("t", users.slice(at, at + 1_000), 256);
      }
      const touched = await directory.deleteTopic("t");
      expect(new Set(touched?.changed.map(({ stream }) => stream)).size).toBe(2_501);
      expect(await directory.getTopic("t")).toBeNull();
      expect(await directory.subscribers("t", "", 10)).toEqual({ items: [], next: null });
      expect(await directory.subscriptions("u2499")).toEqual([]);
      expect(await headOf(streams, "user:u0000")).toMatchObject({ rev: 2 });
    });

    test("invariant 3: a topic made again goes on with its seqs, without its old subscribers", async () => {
      const subjectStore = await opened(subject);
      const { directory, streams } = subjectStore.store;
      await directory.putTopic("t", "key:k");
      await directory.subscribe("t", ["a"], 256);
      await apply(streams, ...records("topic:t", 2));
      await directory.deleteTopic("t");
      await keepUp(streams);
      await subjectStore.reopen();
      const { directory: later, streams: laterStreams } = subjectStore.store;
      expect((await apply(laterStreams, record("topic:t"))).outcomes).toEqual([{ status: "closed" }]);
      expect(await later.putTopic("t", "user:7")).toEqual({ created: true });
      expect(await later.getTopic("t")).toMatchObject({ owner: "user:7", subscribers: 0 });
      expect(await later.subscriptions("a")).toEqual([]);
      expect(await later.subscribe("t", ["b"], 256)).toMatchObject({ full: [] });
      expect(await later.subscriptions("b")).toEqual([{ topic: "t", since: 2 }]);
      expect((await apply(laterStreams, record("topic:t"))).outcomes).toEqual([{ status: "stored", seq: 3 }]);
    });

    test("concurrent calls each do all of what they do", async () => {
      const { store } = await opened(subject);
      const { directory } = store;
      await directory.putTopic("t", "key:k");
      const users = people(50);
      await Promise.all(users.map((user) => directory.subscribe("t", [user], 256)));
      const gone = users.slice(0, 20);
      const ended = await Promise.all([...gone, ...gone].map((user) => directory.unsubscribe("t", user)));
      expect(ended.filter((touched) => touched !== null)).toHaveLength(20);
      expect(await directory.getTopic("t")).toMatchObject({ subscribers: 30 });
      expect((await directory.subscribers("t", "", 100)).items).toHaveLength(30);
    });
  });
}
