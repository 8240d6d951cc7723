import { describe, expect, test } from "vitest";
import { apply, hourMs, keepUp, needsClock, opened, record, type StoreUnderTest } from "./suite.ts";

export function examineIdentity(subject: StoreUnderTest): void {
  describe("identity", () => {
    test("invariant 5: the first in order wins, inside a batch and across batches", async () => {
      const { store } = await opened(subject);
      const one = record("user:a", { body: '{"v":1}' });
      const other = { ...one, digest: "another", body: '{"v":2}' };
      const inside = await apply(store.streams, one, one, other, record("user:a"));
      expect(inside.outcomes).toEqual([
        { status: "stored", seq: 1 },
        { status: "duplicate", seq: 1 },
        { status: "conflict", seq: 1 },
        { status: "stored", seq: 2 },
      ]);
      const across = await apply(store.streams, other, one);
      expect(across.outcomes).toEqual([
        { status: "conflict", seq: 1 },
        { status: "duplicate", seq: 1 },
      ]);
      const { rows, head } = await store.streams.read("user:a", 0, 10);
      expect(head).toBe(2);
      expect(rows[0]).toMatchObject({ seq: 1, body: '{"v":1}' });
    });

    test("invariant 5: a key names a notification in its stream alone", async () => {
      const { store } = await opened(subject);
      const one = record("user:a");
      const { outcomes } = await apply(
        store.streams,
        one,
        { ...one, stream: "user:b" },
        { ...one, stream: "topic:a" },
      );
      expect(outcomes.map(({ status }) => status)).toEqual(["stored", "stored", "stored"]);
    });

    test("is found with what it was stored with", async () => {
      const { store } = await opened(subject);
      const one = record("user:a", { kind: 1, receipt: true, expiresAt: 4_102_444_800_000 });
      const { committedAt } = await apply(store.streams, record("user:a"), one);
      const found = await store.streams.find("user:a", one.key);
      expect(found).toEqual({
        seq: 2,
        kind: 1,
        digest: one.digest,
        createdAt: expect.any(Number),
        expiresAt: one.expiresAt,
        receipt: true,
      });
      expect(Math.abs(found!.createdAt - committedAt)).toBeLessThan(10_000);
    });

    test("what nobody stored is not found", async () => {
      const { store } = await opened(subject);
      const one = record("user:a");
      await apply(store.streams, one);
      expect(await store.streams.find("user:a", record("user:a").key)).toBeNull();
      expect(await store.streams.find("user:b", one.key)).toBeNull();
    });

    test("invariant 5: holds for as long as the window, and no longer", async (context) => {
      needsClock(subject, context);
      const subjectStore = await opened(subject, { identityWindowMs: hourMs });
      const { streams } = subjectStore.store;
      const one = record("user:a");
      await apply(streams, one);
      await subjectStore.advance(hourMs - 60_000);
      expect((await apply(streams, one)).outcomes).toEqual([{ status: "duplicate", seq: 1 }]);
      await subjectStore.advance(120_000);
      expect(await streams.find("user:a", one.key)).toBeNull();
      const { outcomes } = await apply(streams, { ...one, digest: "another" });
      expect(outcomes).toEqual([{ status: "stored", seq: 2 }]);
      expect((await apply(streams, one)).outcomes).toEqual([{ status: "conflict", seq: 2 }]);
      expect(await streams.find("user:a", one.key)).toMatchObject({ seq: 2 });
    });

    test("upkeep forgets what is beyond the window, and only that", async (context) => {
      needsClock(subject, context);
      const subjectStore = await opened(subject, { identityWindowMs: hourMs });
      const { streams } = subjectStore.store;
      const old = record("user:a");
      const young = record("user:a");
      await apply(streams, old);
      await subjectStore.advance(hourMs / 2);
      await apply(streams, young);
      await subjectStore.advance(hourMs / 2 + 60_000);
      await keepUp(streams);
      await subjectStore.reopen();
      const { outcomes } = await apply(subjectStore.store.streams, young, old);
      expect(outcomes).toEqual([
        { status: "duplicate", seq: 2 },
        { status: "stored", seq: 3 },
      ]);
    });

    test("invariant 5: outlives the row that it names", async () => {
      const subjectStore = await opened(subject);
      const one = record("user:a");
      await apply(subjectStore.store.streams, one, record("user:a"));
      await subjectStore.store.streams.trim("user:a", 1);
      await keepUp(subjectStore.store.streams);
      await subjectStore.reopen();
      const { streams } = subjectStore.store;
      expect((await apply(streams, one)).outcomes).toEqual([{ status: "duplicate", seq: 1 }]);
      expect(await streams.find("user:a", one.key)).toBeNull();
    });
  });
}
