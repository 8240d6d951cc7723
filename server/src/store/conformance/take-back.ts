import { describe, expect, test } from "vitest";
import {
  apply,
  headOf,
  hourMs,
  keepUp,
  needsClock,
  opened,
  record,
  records,
  rowOf,
  type StoreUnderTest,
  tombstoneOf,
} from "./suite.ts";

export function examineTakeBack(subject: StoreUnderTest): void {
  describe("collapse", () => {
    test("a newer notification makes the older one with its collapse key a tombstone", async () => {
      const { store } = await opened(subject);
      const { streams } = store;
      const [first, second, third] = ["a", "b", "c"].map((key) =>
        record("user:a", { key, collapseKey: "build" }),
      );
      await apply(streams, first!, record("user:a", { collapseKey: "other" }), second!);
      expect((await streams.read("user:a", 0, 10)).rows.map(({ kind }) => kind)).toEqual([2, 0, 0]);
      await apply(streams, third!);
      const { rows, head } = await streams.read("user:a", 0, 10);
      expect(head).toBe(4);
      expect(rows[2]).toEqual(tombstoneOf(3, second!));
      expect(rows[3]).toEqual(rowOf(4, third!));
      expect(await streams.find("user:a", "a")).toMatchObject({ seq: 1, kind: 2 });
    });

    test("only in its own stream, and not by a duplicate", async () => {
      const { store } = await opened(subject);
      const { streams } = store;
      const one = record("user:a", { collapseKey: "build" });
      await apply(streams, one, record("user:b", { collapseKey: "build" }), one);
      expect((await streams.read("user:a", 0, 10)).rows).toEqual([rowOf(1, one)]);
    });
  });

  describe("withdraw", () => {
    test("leaves a tombstone in its place and raises the rev", async () => {
      const { store } = await opened(subject);
      const { streams } = store;
      const [one, two] = records("user:a", 2);
      await apply(streams, one!, two!);
      const { rev } = await headOf(streams, "user:a");
      expect(await streams.withdraw("user:a", one!.key)).toEqual({ seq: 1, rev: rev + 1 });
      expect(await streams.read("user:a", 0, 10)).toEqual({
        first: 1,
        head: 2,
        rows: [tombstoneOf(1, one!), rowOf(2, two!)],
      });
      expect(await headOf(streams, "user:a")).toMatchObject({ head: 2, rev: rev + 1 });
      expect(await streams.find("user:a", one!.key)).toMatchObject({ seq: 1, kind: 2 });
      expect((await apply(streams, one!)).outcomes).toEqual([{ status: "duplicate", seq: 1 }]);
    });

    test("the same again has the same answer and changes nothing", async () => {
      const subjectStore = await opened(subject);
      const one = record("user:a");
      await apply(subjectStore.store.streams, one);
      const first = await subjectStore.store.streams.withdraw("user:a", one.key);
      expect(await subjectStore.store.streams.withdraw("user:a", one.key)).toEqual(first);
      await subjectStore.reopen();
      expect(await subjectStore.store.streams.withdraw("user:a", one.key)).toEqual(first);
    });

    test("null for what isn't there, or no longer", async () => {
      const { store } = await opened(subject);
      const { streams } = store;
      const one = record("user:a");
      await apply(streams, one);
      expect(await streams.withdraw("user:a", "nobody")).toBeNull();
      expect(await streams.withdraw("user:b", one.key)).toBeNull();
      await streams.trim("user:a", 1);
      expect(await streams.withdraw("user:a", one.key)).toBeNull();
    });
  });

  describe("trim", () => {
    test("invariant 3: takes a prefix, the head stays, seqs go on", async () => {
      const subjectStore = await opened(subject);
      const sent = records("user:a", 5);
      await apply(subjectStore.store.streams, ...sent);
      await subjectStore.store.streams.trim("user:a", 3);
      const kept = { first: 4, head: 5, rows: sent.slice(3).map((one, at) => rowOf(at + 4, one)) };
      expect(await subjectStore.store.streams.read("user:a", 0, 10)).toEqual(kept);
      await keepUp(subjectStore.store.streams, 2);
      await subjectStore.reopen();
      expect(await subjectStore.store.streams.read("user:a", 0, 10)).toEqual(kept);
      expect(await subjectStore.store.streams.read("user:a", 4, 10)).toMatchObject({ rows: [{ seq: 5 }] });
    });

    test("invariant 3: an emptied stream keeps its head", async () => {
      const subjectStore = await opened(subject);
      await apply(subjectStore.store.streams, ...records("user:a", 5));
      await subjectStore.store.streams.trim("user:a", 99);
      expect(await subjectStore.store.streams.read("user:a", 0, 10)).toEqual({ first: 6, head: 5, rows: [] });
      await keepUp(subjectStore.store.streams, 2);
      await subjectStore.reopen();
      expect(await headOf(subjectStore.store.streams, "user:a")).toMatchObject({ head: 5, first: 6 });
      const { outcomes } = await apply(subjectStore.store.streams, record("user:a"));
      expect(outcomes).toEqual([{ status: "stored", seq: 6 }]);
    });

    test("never back, and nothing where there is nothing", async () => {
      const { store } = await opened(subject);
      await apply(store.streams, ...records("user:a", 5));
      await store.streams.trim("user:a", 3);
      await store.streams.trim("user:a", 1);
      await store.streams.trim("user:a", 0);
      await store.streams.trim("user:nobody", 7);
      expect(await headOf(store.streams, "user:a")).toMatchObject({ head: 5, first: 4 });
      expect(await headOf(store.streams, "user:nobody")).toMatchObject({ head: 0, first: 1 });
    });

    test("all heads stay when the rows are gone and the window has passed", async (context) => {
      needsClock(subject, context);
      const subjectStore = await opened(subject, { identityWindowMs: hourMs });
      await apply(subjectStore.store.streams, ...records("user:a", 5), ...records("user:b", 2));
      await subjectStore.store.streams.trim("user:a", 5);
      await keepUp(subjectStore.store.streams, 3);
      await subjectStore.advance(2 * hourMs);
      await keepUp(subjectStore.store.streams, 3);
      await subjectStore.reopen();
      expect(await headOf(subjectStore.store.streams, "user:a")).toMatchObject({ head: 5, first: 6 });
      expect(await subjectStore.store.streams.read("user:a", 0, 9)).toEqual({ first: 6, head: 5, rows: [] });
      const { outcomes } = await apply(subjectStore.store.streams, record("user:a"), record("user:b"));
      expect(outcomes).toEqual([
        { status: "stored", seq: 6 },
        { status: "stored", seq: 3 },
      ]);
    });
  });

  describe("upkeep", () => {
    test("does nothing where nothing is due", async () => {
      const { store } = await opened(subject);
      await apply(
        store.streams,
        ...records("user:a", 5),
        record("user:a", { expiresAt: Date.now() + hourMs }),
      );
      expect(await store.streams.upkeep(100)).toBe(0);
    });

    test("expired rows become tombstones in bounded steps; until then they are given as they are", async (context) => {
      needsClock(subject, context);
      const subjectStore = await opened(subject);
      const { streams } = subjectStore.store;
      const { committedAt } = await apply(streams);
      const lasting = record("user:a", { expiresAt: committedAt + 2 * hourMs });
      const expiring = Array.from({ length: 5 }, () => record("user:a", { expiresAt: committedAt + hourMs }));
      await apply(streams, lasting, ...expiring);
      await subjectStore.advance(hourMs + 60_000);
      expect((await streams.read("user:a", 1, 1)).rows).toEqual([rowOf(2, expiring[0]!)]);
      expect(await streams.upkeep(3)).toBe(3);
      expect(await streams.upkeep(3)).toBe(2);
      const { rows, head } = await streams.read("user:a", 0, 10);
      expect(head).toBe(6);
      expect(rows).toEqual([rowOf(1, lasting), ...expiring.map((one, at) => tombstoneOf(at + 2, one))]);
      expect(await streams.find("user:a", expiring[0]!.key)).toMatchObject({ kind: 2 });
    });

    test("a record that has expired already takes a seq", async () => {
      const { store } = await opened(subject);
      const { outcomes } = await apply(store.streams, record("user:a", { expiresAt: 1 }), record("user:a"));
      expect(outcomes).toEqual([
        { status: "stored", seq: 1 },
        { status: "stored", seq: 2 },
      ]);
      expect(await store.streams.upkeep(10)).toBe(1);
      expect((await store.streams.read("user:a", 0, 10)).rows.map(({ kind }) => kind)).toEqual([2, 0]);
    });
  });
}
