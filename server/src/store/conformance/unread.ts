import { ownerOf, type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Unread } from "../positions.ts";
import type { StoreUnderTest } from "./suite.ts";
import { apply, headOf, keepUp, needsClock, type OpenedStore, opened, record, records } from "./suite.ts";
import { makeUnreadModel, type UnreadModel } from "./unread-model.ts";

const users = ["a", "b"];
const topics = ["t", "u"];
const streams: readonly StreamName[] = [...users.map(userStream), ...topics.map(topicStream)];
const names: ReadonlySet<unknown> = new Set([...users, ...topics, ...streams]);
const minuteMs = 60_000;
/** Advances are multiples of 17 minutes and none of these is: no edge is met to the millisecond. */
const expiriesMs = [null, null, null, -minuteMs, 25 * minuteMs, 90 * minuteMs];

const counts = ({ streams: some }: Unread) =>
  Object.fromEntries(some.map(({ stream, count }) => [stream, count]));

const stream = fc.constantFrom(...streams);
const user = fc.constantFrom(...users);
const topic = fc.constantFrom(...topics);
const sent = fc.record({
  kind: fc.constantFrom<0 | 1>(0, 0, 0, 1),
  collapseKey: fc.constantFrom(null, null, null, "c"),
  expiryMs: fc.constantFrom(...expiriesMs),
});
const step = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(fc.constant("publish"), stream, fc.array(sent, { maxLength: 6 })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("withdraw"), stream, fc.nat(20)) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("trim"), stream, fc.nat(12)) },
  { weight: 6, arbitrary: fc.tuple(fc.constant("read"), user, stream, fc.nat(12)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant("subscribe"), user, topic) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("unsubscribe"), user, topic) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("remake"), topic) },
  { weight: 2, arbitrary: fc.tuple(fc.constant("advance"), fc.integer({ min: 1, max: 5 })) },
  { weight: 1, arbitrary: fc.tuple(fc.constant("upkeep")) },
) as fc.Arbitrary<Step>;

type Step =
  | readonly ["publish", StreamName, readonly Sent[]]
  | readonly ["withdraw" | "trim", StreamName, number]
  | readonly ["read", string, StreamName, number]
  | readonly ["subscribe" | "unsubscribe", string, string]
  | readonly ["remake", string]
  | readonly ["advance", number]
  | readonly ["upkeep"];

interface Sent {
  readonly kind: 0 | 1;
  readonly collapseKey: string | null;
  readonly expiryMs: number | null;
}

/** The seconds that a walk takes are no matter: expiries are minutes from where they are looked at. */
interface Hand {
  now: number;
}

const nowOf = async ({ store }: OpenedStore): Promise<number> => (await apply(store.streams)).committedAt;

async function take(subject: OpenedStore, model: UnreadModel, hand: Hand, taken: Step): Promise<void> {
  const { streams: log, directory, positions } = subject.store;
  switch (taken[0]) {
    case "publish": {
      const [, name, some] = taken;
      const made = some.map(({ kind, collapseKey, expiryMs }) =>
        record(name, { kind, collapseKey, expiresAt: expiryMs === null ? null : hand.now + expiryMs }),
      );
      await apply(log, ...made);
      return model.publish(made);
    }
    case "withdraw": {
      const key = model.keyAt(taken[1], taken[2]);
      if (key === undefined) return;
      await log.withdraw(taken[1], key);
      return model.withdraw(taken[1], key);
    }
    case "trim":
      await log.trim(taken[1], taken[2]);
      return model.trim(taken[1], taken[2]);
    case "read": {
      const [, reader, name, upTo] = taken;
      const mark = await positions.read(reader, name, upTo);
      expect(mark?.readSeq ?? null).toBe(model.read(reader, name, upTo));
      if (mark) expect(mark.rev).toBe((await headOf(log, userStream(reader))).rev);
      return;
    }
    case "subscribe":
      await directory.subscribe(taken[2], [taken[1]], 256);
      return model.subscribe(taken[1], topicStream(taken[2]));
    case "unsubscribe":
      await directory.unsubscribe(taken[2], taken[1]);
      return model.unsubscribe(taken[1], topicStream(taken[2]));
    case "remake":
      await directory.deleteTopic(taken[1]);
      await directory.putTopic(taken[1], "key:k");
      return model.remake(topicStream(taken[1]));
    case "advance":
      hand.now += taken[1] * 17 * minuteMs;
      return subject.advance(taken[1] * 17 * minuteMs);
    case "upkeep":
      return void (await keepUp(log));
  }
}

/** Each walk has users and topics of its own, in a store that all of them share. */
const named = (taken: Step, walked: string): Step =>
  taken.map((one) => (names.has(one) ? `${one}${walked}` : one)) as unknown as Step;

export function examineUnread(subject: StoreUnderTest): void {
  describe("read marks and unread", () => {
    test("invariant 7: unread is what a naive count says, whatever happened before, restarts included", {
      timeout: 120_000,
    }, async () => {
      const moves = subject.capabilities.clock === "movable";
      const steps = fc.array(moves ? step : step.filter(([what]) => what !== "advance"), {
        minLength: 20,
        maxLength: 90,
      });
      const store = await opened(subject);
      const hand = { now: Math.floor(await nowOf(store)) };
      let walks = 0;
      await fc.assert(
        fc.asyncProperty(steps, async (walk) => {
          const walked = `-${walks++}`;
          const model = makeUnreadModel();
          for (const one of topics) await store.store.directory.putTopic(one + walked, "key:k");
          for (const [at, taken] of walk.entries()) {
            await take(store, model, hand, named(taken, walked));
            if (at === walk.length >> 1 && walks % 4 === 0) await store.reopen();
            for (const reader of users.map((one) => one + walked)) {
              const unread = await store.store.positions.unread(reader);
              expect(unread).toMatchObject(model.unread(reader, hand.now));
              expect(unread.rev).toBe((await headOf(store.store.streams, userStream(reader))).rev);
            }
          }
        }),
        { numRuns: 20 },
      );
    });

    test("a user that nobody knows has nothing unread, and nothing to read", async () => {
      const { store } = await opened(subject);
      expect(await store.positions.unread("nobody")).toEqual({
        epoch: expect.any(Number),
        rev: 0,
        total: 0,
        streams: [{ stream: "user:nobody", count: 0, head: 0, readSeq: 0 }],
      });
      expect(await store.positions.read("nobody", "user:nobody", 5)).toEqual({ readSeq: 0, rev: 0 });
      expect(await store.positions.read("nobody", "topic:gone", 5)).toBeNull();
    });

    test("invariant 7: of read marks the larger wins, never beyond the head, durable, and told by the rev", async () => {
      const subjectStore = await opened(subject);
      const { positions, streams: log } = subjectStore.store;
      await apply(log, ...records("user:a", 5));
      expect(await positions.read("a", "user:a", 3)).toEqual({ readSeq: 3, rev: 1 });
      expect(await positions.read("a", "user:a", 2)).toEqual({ readSeq: 3, rev: 1 });
      expect(await positions.read("a", "user:a", 3)).toEqual({ readSeq: 3, rev: 1 });
      expect(await positions.read("a", "user:a", Number.MAX_SAFE_INTEGER)).toEqual({ readSeq: 5, rev: 2 });
      expect(await headOf(log, "user:a")).toMatchObject({ rev: 2 });
      await subjectStore.reopen();
      await apply(subjectStore.store.streams, ...records("user:a", 2));
      expect(await subjectStore.store.positions.unread("a")).toMatchObject({
        rev: 2,
        total: 2,
        streams: [{ stream: "user:a", count: 2, head: 7, readSeq: 5 }],
      });
    });

    test("only what is followed can be read: not another user's stream, not a topic that was left", async () => {
      const { store } = await opened(subject);
      const { positions, directory, streams: log } = store;
      await directory.putTopic("t", "key:k");
      await directory.subscribe("t", ["a"], 256);
      await apply(log, ...records("topic:t", 3), ...records("user:b", 3));
      expect(await positions.read("a", "user:b", 1)).toBeNull();
      expect(await positions.read("a", "topic:t", 2)).toEqual({ readSeq: 2, rev: 2 });
      expect(await positions.read("b", "topic:t", 2)).toBeNull();
      await directory.unsubscribe("t", "a");
      expect(await positions.read("a", "topic:t", 3)).toBeNull();
      expect(await positions.unread("b")).toMatchObject({ total: 3 });
    });

    test("invariant 7: what doesn't count: silent, tombstones, before the subscription, trimmed", async () => {
      const { store } = await opened(subject);
      const { positions, directory, streams: log } = store;
      await directory.putTopic("t", "key:k");
      await apply(log, ...records("topic:t", 4));
      await directory.subscribe("t", ["a"], 256);
      const taken = record("topic:t");
      await apply(log, record("topic:t"), record("topic:t", { kind: 1 }), taken, record("topic:t"));
      await log.withdraw("topic:t", taken.key);
      await apply(log, ...records("user:a", 3), record("user:a", { collapseKey: "c" }));
      await apply(log, record("user:a", { collapseKey: "c" }));
      expect(counts(await positions.unread("a"))).toEqual({ "user:a": 4, "topic:t": 2 });
      await log.trim("user:a", 2);
      expect(counts(await positions.unread("a"))).toEqual({ "user:a": 2, "topic:t": 2 });
      await keepUp(log);
      expect(await positions.unread("a")).toMatchObject({ total: 4 });
    });

    test("invariant 7: what has expired doesn't count, before and after upkeep", async (context) => {
      needsClock(subject, context);
      const subjectStore = await opened(subject);
      const { positions, streams: log } = subjectStore.store;
      const expiresAt = (await nowOf(subjectStore)) + 10 * minuteMs;
      await apply(
        log,
        record("user:a", { expiresAt }),
        record("user:a"),
        record("user:a", { kind: 1, expiresAt }),
      );
      expect(await positions.unread("a")).toMatchObject({ total: 2 });
      await subjectStore.advance(11 * minuteMs);
      expect(await positions.unread("a")).toMatchObject({ total: 1 });
      await keepUp(log);
      expect(await positions.unread("a")).toMatchObject({ total: 1 });
    });

    test("topics come in order of their names, behind the user's own stream, 256 of them", async () => {
      const { store } = await opened(subject);
      const names = Array.from({ length: 256 }, (_, at) => `t${String(at).padStart(3, "0")}`);
      await Promise.all(names.map((one) => store.directory.putTopic(one, "key:k")));
      await Promise.all(names.map((one) => store.directory.subscribe(one, ["a"], 256)));
      await apply(store.streams, ...names.map((one) => record(topicStream(one))));
      const unread = await store.positions.unread("a");
      expect(unread.streams.map((one) => ownerOf(one.stream))).toEqual(["a", ...names]);
      expect(unread).toMatchObject({ total: 256, rev: 256 });
    });
  });
}
