import type { StreamName } from "@carillon/protocol/stream";
import { describe, expect, test } from "vitest";
import type { RetentionDriver } from "../retention.ts";
import type { StreamsDriver } from "../streams.ts";
import {
  apply,
  dayMs,
  headOf,
  hourMs,
  needsClock,
  type OpenedStore,
  opened,
  record,
  records,
  rowOf,
  type StoreUnderTest,
} from "./suite.ts";

const windowMs = hourMs;
const keepMs = 7 * dayMs;
/** Longer than any backend keeps what is due. */
const longMs = keepMs + 3 * dayMs;

/** Retention until nothing is left to do; says how many rows went. */
export async function retainAll(retention: RetentionDriver, forMs: number, limit = 1_000): Promise<number> {
  let removed = 0;
  for (;;) {
    const step = await retention.retain(forMs, limit);
    removed += step.removed;
    if (!step.done) continue;
    while ((await retention.giveBack(1 << 20, "all")) > 0);
    return removed;
  }
}

async function expectContiguous(streams: StreamsDriver, name: StreamName): Promise<void> {
  const { first, head, rows } = await streams.read(name, 0, 256);
  expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: head - first + 1 }, (_, at) => first + at));
}

/** As a restart does it later: with what the backend prepares for the days that have come. */
async function goOn(subject: OpenedStore, ms: number): Promise<void> {
  await subject.advance(ms);
  await subject.reopen();
}

export function examineRetention(name: string, subject: StoreUnderTest): void {
  describe(`retention on ${name}`, () => {
    const open = (): Promise<OpenedStore> => opened(subject, { identityWindowMs: windowMs });

    test("what is younger stays, and nothing to do is done", async () => {
      const { store } = await open();
      const sent = records("user:a", 3);
      await apply(store.streams, ...sent);
      expect(await store.retention.retain(keepMs, 10)).toEqual({ removed: 0, done: true });
      expect(await store.streams.read("user:a", 0, 10)).toMatchObject({ first: 1, head: 3 });
    });

    test("invariant 3: what is old goes, heads and what came since stay, seqs go on", async (context) => {
      needsClock(subject, context);
      const opening = await open();
      const old = records("user:a", 5);
      await apply(opening.store.streams, ...old, ...records("user:b", 3));
      await goOn(opening, longMs);
      const young = records("user:a", 2);
      await apply(opening.store.streams, ...young);
      expect(await retainAll(opening.store.retention, keepMs)).toBe(8);
      const kept = { first: 6, head: 7, rows: young.map((one, at) => rowOf(at + 6, one)) };
      expect(await opening.store.streams.read("user:a", 0, 10)).toEqual(kept);
      expect(await opening.store.streams.find("user:a", old[4]!.key)).toBeNull();
      await opening.reopen();
      const { streams } = opening.store;
      expect(await streams.read("user:a", 0, 10)).toEqual(kept);
      expect(await headOf(streams, "user:b")).toMatchObject({ head: 3, first: 4 });
      const { outcomes } = await apply(streams, record("user:b"), record("user:a"), record("user:new"));
      expect(outcomes.map((one) => "seq" in one && one.seq)).toEqual([4, 8, 1]);
    });

    test("invariant 3: step by step, what is kept is contiguous in every stream", async (context) => {
      needsClock(subject, context);
      const opening = await open();
      const names = Array.from({ length: 7 }, (_, at): StreamName => `user:${at}`);
      for (let round = 0; round < 3; round++) {
        await apply(opening.store.streams, ...names.flatMap((one) => records(one, 2)));
        await goOn(opening, 4 * dayMs);
      }
      const { streams, retention } = opening.store;
      let steps = 0;
      for (let done = false; !done; steps++) {
        ({ done } = await retention.retain(keepMs, 2));
        for (const one of names) await expectContiguous(streams, one);
      }
      expect(steps).toBeGreaterThan(3);
      // The oldest were stored 12 days ago, the next 8, the newest 4.
      for (const one of names) expect(await headOf(streams, one)).toMatchObject({ head: 6, first: 5 });
    });

    test("invariant 5: what was stored within the identity window is still known", async () => {
      const { store } = await open();
      const sent = records("user:a", 3);
      await apply(store.streams, ...sent);
      await retainAll(store.retention, windowMs);
      const { outcomes } = await apply(store.streams, sent[1]!);
      expect(outcomes).toEqual([{ status: "duplicate", seq: 2 }]);
    });

    test("invariant 7: unread is of what is kept, and marks stay where they were", async (context) => {
      needsClock(subject, context);
      const opening = await open();
      await opening.store.directory.putTopic("t", "key:k");
      await opening.store.directory.subscribe("t", ["a"], 256);
      await apply(opening.store.streams, ...records("user:a", 4), ...records("topic:t", 4));
      await opening.store.positions.mark("a", "read", { stream: "user:a", upTo: 2 });
      await goOn(opening, longMs);
      await apply(opening.store.streams, ...records("user:a", 2), record("topic:t"));
      const { positions, retention } = opening.store;
      expect(await positions.unread("a")).toMatchObject({ total: 9 });
      await retainAll(retention, keepMs);
      const { total, streams } = await positions.unread("a");
      expect({ total, counts: streams.map(({ count }) => count) }).toEqual({ total: 3, counts: [2, 1] });
      expect(streams[0]!.read.upTo).toBe(2);
    });

    test("receipts of what went go too; those of what is kept stay", async (context) => {
      needsClock(subject, context);
      const opening = await open();
      await apply(opening.store.streams, record("user:a", { receipt: true }));
      await opening.store.positions.acknowledge([{ user: "a", stream: "user:a", upTo: 1 }]);
      await goOn(opening, longMs);
      await apply(opening.store.streams, record("user:a", { receipt: true }));
      const { positions, retention, streams } = opening.store;
      await positions.acknowledge([{ user: "a", stream: "user:a", upTo: 2 }]);
      expect(await positions.receipts("user:a", 1, 10)).toMatchObject({ total: 1 });
      await retainAll(retention, keepMs);
      expect(await positions.receipts("user:a", 1, 10)).toMatchObject({ total: 0 });
      expect(await positions.receipts("user:a", 2, 10)).toMatchObject({ total: 1 });
      expect(await headOf(streams, "user:a")).toMatchObject({ receiptSeq: 2 });
    });

    test("a deleted topic's remains go, and it is made again behind its head", async (context) => {
      needsClock(subject, context);
      const opening = await open();
      await opening.store.directory.putTopic("t", "key:k");
      await apply(opening.store.streams, ...records("topic:t", 3));
      await opening.store.directory.deleteTopic("t");
      await goOn(opening, longMs);
      await retainAll(opening.store.retention, keepMs);
      await opening.store.directory.putTopic("t", "key:k");
      const { outcomes } = await apply(opening.store.streams, record("topic:t"));
      expect(outcomes).toEqual([{ status: "stored", seq: 4 }]);
      expect(await headOf(opening.store.streams, "topic:t")).toMatchObject({ head: 4, first: 4 });
    });

    test("several at once do what one does", async (context) => {
      needsClock(subject, context);
      const opening = await open();
      const names = Array.from({ length: 20 }, (_, at): StreamName => `user:${at}`);
      await apply(opening.store.streams, ...names.flatMap((one) => records(one, 3)));
      await goOn(opening, longMs);
      const { retention, streams } = opening.store;
      await Promise.all(Array.from({ length: 4 }, () => retainAll(retention, keepMs, 3)));
      await retainAll(retention, keepMs);
      for (const one of names) expect(await headOf(streams, one)).toMatchObject({ head: 3, first: 4 });
    });

    test("a device that wasn't seen for 90 days is forgotten, another isn't", async (context) => {
      needsClock(subject, context);
      const opening = await open();
      const device = (one: string) => ({ user: "a", device: one, cursor: one });
      await opening.store.positions.saveDevices([device("old"), device("used")]);
      await goOn(opening, 60 * dayMs);
      await opening.store.positions.saveDevices([device("used")]);
      await goOn(opening, 31 * dayMs);
      const { positions, streams } = opening.store;
      while ((await streams.upkeep(10)) === 10);
      expect(await positions.findDevice("a", "old")).toBeNull();
      expect(await positions.findDevice("a", "used")).toBe("used");
    });

    test("space says since when there is something", async (context) => {
      needsClock(subject, context);
      const opening = await open();
      expect((await opening.store.retention.space()).oldestAt).toBeNull();
      const { committedAt } = await apply(opening.store.streams, record("user:a"));
      const { oldestAt, sizeBytes, freeBytes } = await opening.store.retention.space();
      expect(oldestAt).toBeLessThanOrEqual(committedAt);
      expect(sizeBytes).toBeGreaterThan(freeBytes);
      await goOn(opening, longMs);
      await apply(opening.store.streams, record("user:a"));
      await retainAll(opening.store.retention, keepMs);
      expect((await opening.store.retention.space()).oldestAt).toBeGreaterThan(committedAt);
    });
  });
}
