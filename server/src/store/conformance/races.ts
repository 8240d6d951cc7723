/** What must hold when calls of any processes meet: the exam's topics call one at a time, these don't. */
import { isMarked, type MarkKind } from "@carillon/protocol/marks";
import { topicStream, userStream } from "@carillon/protocol/stream";
import { describe, expect, test } from "vitest";
import type { Marked } from "../positions.ts";
import type { StoreBackend } from "../store.ts";
import { apply, headOf, opened, record, records, type StoreUnderTest } from "./suite.ts";

const people = (count: number): string[] => Array.from({ length: count }, (_, at) => `p${at}`);

const turned = <T>(items: readonly T[], by: number): T[] => [...items.slice(by), ...items.slice(0, by)];

/** Everybody's subscriptions as the topic tells them and as the users do; the count; all of them the same. */
async function agreed(
  { directory }: StoreBackend,
  topic: string,
  users: readonly string[],
): Promise<string[]> {
  const { items } = await directory.subscribers(topic, "", 1_000);
  const listed = items.map(({ user }) => user);
  const own = await Promise.all(users.map((user) => directory.subscriptions(user)));
  const following = users.filter((_, at) => own[at]!.some((one) => one.topic === topic)).toSorted();
  expect(listed).toEqual(following);
  expect((await directory.getTopic(topic))?.subscribers ?? 0).toBe(listed.length);
  return listed;
}

export function examineRaces(name: string, subject: StoreUnderTest): void {
  describe(`calls that meet on ${name}`, () => {
    test("of a deleted topic no subscription is left, whoever subscribed meanwhile", async () => {
      const { store } = await opened(subject);
      const { directory } = store;
      const users = people(60);
      for (let round = 0; round < 12; round++) {
        const topic = `t${round}`;
        await directory.putTopic(topic, "key:k");
        await directory.subscribe(topic, users.slice(0, 20), 256);
        const some = users.slice(20);
        const [touched] = await Promise.all([
          directory.deleteTopic(topic),
          ...some.slice(0, 20).map((user) => directory.subscribe(topic, [user], 256)),
          directory.subscribe(topic, some, 256),
          ...users.slice(0, 5).map((user) => directory.unsubscribe(topic, user)),
        ]);
        expect(touched).not.toBeNull();
        expect(await agreed(store, topic, users)).toEqual([]);
        expect(await directory.getTopic(topic)).toBeNull();
      }
    });

    test("a topic that is deleted and made again while users subscribe has those, and only those, who did last", async () => {
      const { store } = await opened(subject);
      const { directory } = store;
      const users = people(24);
      for (let round = 0; round < 8; round++) {
        await directory.putTopic("t", "key:k");
        const remade = (async () => {
          await directory.deleteTopic("t");
          expect(await directory.putTopic("t", "key:k")).toEqual({ created: true });
        })();
        await Promise.all([remade, ...users.map((user) => directory.subscribe("t", [user], 256))]);
        await agreed(store, "t", users);
        const late = await directory.subscribe("t", users, 256);
        expect(late?.full).toEqual([]);
        expect(await agreed(store, "t", users)).toEqual(users.toSorted());
        await directory.deleteTopic("t");
        expect(await agreed(store, "t", users)).toEqual([]);
      }
    });

    test("of those who make a topic at the same time one does, of those who delete it one ends it", async () => {
      const { store } = await opened(subject);
      const { directory } = store;
      for (let round = 0; round < 4; round++) {
        const made = await Promise.all(people(6).map((user) => directory.putTopic("t", userStream(user))));
        expect(made.filter(({ created }) => created)).toHaveLength(1);
        await directory.subscribe("t", ["a"], 256);
        await Promise.all(people(4).map(() => directory.deleteTopic("t")));
        expect(await directory.getTopic("t")).toBeNull();
        expect(await headOf(store.streams, "topic:t")).toMatchObject({ rev: round + 1 });
        expect(await headOf(store.streams, "user:a")).toMatchObject({ rev: 2 * (round + 1) });
      }
    });

    test("nobody follows more topics than are allowed, and nobody follows one twice", async () => {
      const { store } = await opened(subject);
      const { directory, streams } = store;
      const topics = people(12);
      await Promise.all(topics.map((topic) => directory.putTopic(topic, "key:k")));
      const done = await Promise.all(
        [...topics, ...topics].map((topic) => directory.subscribe(topic, ["a", "b"], 5)),
      );
      expect(await directory.subscriptions("a")).toHaveLength(5);
      expect(await directory.subscriptions("b")).toHaveLength(5);
      const changed = done.flatMap((one) => one!.changed);
      expect(changed).toHaveLength(10);
      expect(await headOf(streams, "user:a")).toMatchObject({ rev: 5 });
      const revs = changed.filter(({ stream }) => stream === "user:a").map(({ rev }) => rev);
      expect(revs.toSorted()).toEqual([1, 2, 3, 4, 5]);
    });

    test("invariant 4: what is stored behind a subscription's answer is the subscriber's", async () => {
      const { store } = await opened(subject);
      const { directory, streams, positions } = store;
      await directory.putTopic("t", "key:k");
      const users = people(30);
      let stored = 0;
      let subscribing = true;
      const publish = async (): Promise<void> => {
        while (subscribing) {
          await apply(streams, ...records("topic:t", 3));
          stored += 3;
        }
      };
      const behind = new Map<string, number>();
      const publishing = publish();
      for (const user of users) {
        const before = stored;
        await directory.subscribe("t", [user], 256);
        expect((await directory.subscriptions(user))[0]!.since).toBeGreaterThanOrEqual(before);
        behind.set(user, stored);
      }
      subscribing = false;
      await publishing;
      const { head } = await headOf(streams, "topic:t");
      for (const user of users) {
        const [, topic] = (await positions.unread(user)).streams;
        expect(topic).toMatchObject({ head });
        expect(topic!.count).toBeGreaterThanOrEqual(head - behind.get(user)! - 3);
      }
    });

    test("users of many streams are written to in any order, beside batches, without an end to either", async () => {
      const { store } = await opened(subject);
      const { directory, streams, positions } = store;
      const users = people(40);
      const topics = people(6);
      await Promise.all(topics.map((topic) => directory.putTopic(topic, "key:k")));
      const work = Array.from({ length: 8 }, (_, at) => async () => {
        const order = at % 2 === 0 ? turned(users, 5 * at) : turned(users, 5 * at).toReversed();
        for (const topic of turned(topics, at)) {
          await directory.subscribe(topic, order, 256);
          await apply(streams, ...order.map((user) => record(userStream(user))), record(topicStream(topic)));
          await Promise.all(
            order.map((user) => positions.mark(user, "read", { stream: userStream(user), upTo: 1 + at })),
          );
          await positions.saveDevices(order.map((user) => ({ user, device: `d${at}`, cursor: topic })));
          await Promise.all(order.slice(0, 10).map((user) => directory.unsubscribe(topic, user)));
        }
      });
      await Promise.all(work.map((one) => one()));
      for (const topic of topics) await agreed(store, topic, users);
      for (const user of users) {
        expect(await positions.unread(user)).toMatchObject({ rev: expect.any(Number) });
        expect(await headOf(streams, userStream(user))).toMatchObject({ head: 48 });
        expect((await positions.unread(user)).streams[0]).toMatchObject({ read: { upTo: 8 }, count: 40 });
      }
    });

    test("invariant 7: of marks set at the same time the largest stays, each answer true with its rev", async () => {
      const { store } = await opened(subject);
      const { directory, streams, positions } = store;
      for (const topic of ["t", "u", "v"]) {
        await directory.putTopic(topic, "key:k");
        await directory.subscribe(topic, ["a"], 256);
      }
      const { rev: before } = await headOf(streams, "user:a");
      const names = ["user:a", "topic:t", "topic:u", "topic:v"] as const;
      await apply(streams, ...names.flatMap((stream) => records(stream, 50)));
      const told: { readonly stream: string; readonly rev: number; readonly upTo: number }[] = [];
      const reading = names.flatMap((stream, at) =>
        Array.from({ length: 25 }, (_, place) => async () => {
          const upTo = 1 + ((place * (7 + 2 * at)) % 50);
          const { mark, rev } = (await positions.mark("a", "read", { stream, upTo })) as Marked;
          expect(mark!.upTo).toBeGreaterThanOrEqual(upTo);
          told.push({ stream, rev, upTo: mark!.upTo });
        }),
      );
      await Promise.all(reading.map((one) => one()));
      const unread = await positions.unread("a");
      for (const stream of names) {
        const inOrder = told.filter((one) => one.stream === stream).toSorted((x, y) => x.rev - y.rev);
        const places = inOrder.map(({ upTo }) => upTo);
        const largest = Math.max(...places);
        expect(unread.streams.find((one) => one.stream === stream)).toMatchObject({
          read: { upTo: largest, except: [] },
        });
        expect(places).toEqual(places.toSorted((x, y) => x - y));
      }
      expect(unread.rev).toBe(Math.max(before, ...told.map(({ rev }) => rev)));
      expect(await positions.mark("a", "read", { stream: "user:a", upTo: 1 })).toEqual({
        mark: unread.streams[0]!.read,
        rev: unread.rev,
      });
    });

    test("invariant 7: single marks set and taken away at the same time are all as they were said", async () => {
      const { store } = await opened(subject);
      const { streams, positions } = store;
      await apply(streams, ...records("user:a", 200));
      const mark = (kind: MarkKind, seqs: readonly number[], undo: boolean) =>
        positions.mark("a", kind, { stream: "user:a", seqs, undo });
      await mark("archive", [10, 20, 30, 40], false);
      const wanted = Array.from({ length: 60 }, (_, at) => 3 * at + 1);
      const answers = await Promise.all([
        ...wanted.map((seq) => mark("read", [seq], false)),
        ...[10, 20, 30, 40].map((seq) => mark("archive", [seq], true)),
        ...wanted.slice(0, 20).map((seq) => mark("archive", [seq + 1], false)),
        positions.mark("a", "seen", { all: true }),
      ]);
      const unread = await positions.unread("a");
      const [own] = unread.streams;
      const all = Array.from({ length: 200 }, (_, at) => at + 1);
      expect(all.filter((seq) => isMarked(own!.read, seq))).toEqual(wanted);
      expect(all.filter((seq) => isMarked(own!.archive, seq))).toEqual(
        wanted.slice(0, 20).map((seq) => seq + 1),
      );
      expect(unread).toMatchObject({ total: 120, unseen: 0 });
      expect(unread.rev).toBe(Math.max(...answers.map((answer) => (answer as Marked).rev)));
    });

    test("of devices saved at the same time a user keeps 32", async () => {
      const { store } = await opened(subject);
      const { positions } = store;
      const devices = people(90);
      await Promise.all(
        devices.map((device) => positions.saveDevices([{ user: "a", device, cursor: device }])),
      );
      const found = await Promise.all(devices.map((device) => positions.findDevice("a", device)));
      expect(found.filter((cursor) => cursor !== null)).toHaveLength(32);
    });

    test("an acknowledgement that comes twice at the same time is one receipt", async () => {
      const { store } = await opened(subject);
      const { directory, streams, positions } = store;
      await directory.putTopic("t", "key:k");
      const users = people(20);
      await directory.subscribe("t", users, 256);
      await apply(streams, record("topic:t", { receipt: true }), record("topic:t", { receipt: true }));
      const acknowledged = (order: readonly string[]) =>
        positions.acknowledge(order.map((user) => ({ user, stream: "topic:t" as const, upTo: 2 })));
      await Promise.all(
        [users, users.toReversed(), turned(users, 7), [...users, ...users]].map(acknowledged),
      );
      for (const seq of [1, 2]) {
        const { total, users: received } = await positions.receipts("topic:t", seq, 100);
        expect(total).toBe(20);
        expect(received.map(({ user }) => user).toSorted()).toEqual(users.toSorted());
      }
    });
  });
}
