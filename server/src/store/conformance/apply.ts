import type { StreamName } from "@carillon/protocol/stream";
import { describe, expect, test } from "vitest";
import {
  apply,
  batchOf,
  headOf,
  inPart,
  opened,
  record,
  records,
  rowOf,
  type StoreUnderTest,
} from "./suite.ts";

const stored = (seq: number) => ({ status: "stored", seq });

export function examineApply(subject: StoreUnderTest): void {
  describe("apply", () => {
    test("invariant 3: seqs of a stream are 1, 2, 3, ... whatever else is in the batch", async () => {
      const { store } = await opened(subject);
      const first = await apply(store.streams, record("user:a"), record("topic:t"), record("user:a"));
      expect(first.outcomes).toEqual([stored(1), stored(1), stored(2)]);
      const second = await apply(store.streams, record("topic:t"), record("user:a"), record("user:b"));
      expect(second.outcomes).toEqual([stored(2), stored(3), stored(1)]);
    });

    test("an empty batch is owned and changes nothing", async () => {
      const { store } = await opened(subject);
      const applied = await apply(store.streams);
      expect(applied).toMatchObject({ owned: true, outcomes: [] });
    });

    test("says when it committed, by a clock that goes on", async () => {
      const { store } = await opened(subject);
      const { committedAt: first } = await apply(store.streams, record("user:a"));
      const { committedAt: second } = await apply(store.streams, record("user:a"));
      expect(second).toBeGreaterThanOrEqual(first);
      expect(Math.abs(Date.now() - first)).toBeLessThan(60_000);
    });

    test("a row comes back with everything that it went with", async () => {
      const { store } = await opened(subject);
      const sent = [
        record("user:a", { body: '{"data":"\\u0000 \u{1F514} é \\" "}' }),
        record("user:a", { kind: 1, receipt: true, expiresAt: 4_102_444_800_000 }),
        record("user:a", { collapseKey: "état", body: `{"data":"${"é".repeat(32_000)}"}` }),
      ];
      await apply(store.streams, ...sent);
      const { rows } = await store.streams.read("user:a", 0, 256);
      expect(rows).toEqual(sent.map((one, at) => rowOf(at + 1, one)));
    });

    test("2,000 records of 500 streams in one batch", async () => {
      const { store } = await opened(subject);
      const sent = Array.from({ length: 2_000 }, (_, at) => record(`user:${at % 500}`));
      const { outcomes } = await apply(store.streams, ...sent);
      expect(outcomes).toEqual(sent.map((_, at) => stored(1 + Math.floor(at / 500))));
      const { rows } = await store.streams.read("user:499", 0, 256);
      expect(rows.map(({ body }) => body)).toEqual([499, 999, 1_499, 1_999].map((at) => sent[at]!.body));
    });

    test("batches asked for at the same time never number two rows the same", async () => {
      const { store } = await opened(subject);
      const all = await Promise.all(
        Array.from({ length: 20 }, () => apply(store.streams, ...records("user:a", 20))),
      );
      const seqs = all.flatMap(({ outcomes }) => outcomes.map((outcome) => "seq" in outcome && outcome.seq));
      expect(seqs.toSorted((a, b) => Number(a) - Number(b))).toEqual(
        Array.from({ length: 400 }, (_, at) => at + 1),
      );
    });

    test("invariant 1: what was applied survives a restart, and seqs go on", async () => {
      const subjectStore = await opened(subject);
      const sent = records("user:a", 3);
      await apply(subjectStore.store.streams, ...sent);
      await subjectStore.reopen();
      const { streams } = subjectStore.store;
      expect((await streams.read("user:a", 0, 10)).rows).toEqual(sent.map((one, at) => rowOf(at + 1, one)));
      expect((await apply(streams, record("user:a"), sent[1]!)).outcomes).toEqual([
        stored(4),
        { status: "duplicate", seq: 2 },
      ]);
    });
  });

  describe("progress", () => {
    test("a part that is new, or whose log keeps no offsets, has none", async () => {
      const { store } = await opened(subject);
      await apply(store.streams, record("user:a"));
      expect(await store.streams.progress(0)).toBeNull();
      expect(await store.streams.progress(7)).toBeNull();
    });

    if (!subject.capabilities.progress) return;
    const [userA, userB, userC] = (["user:a", "user:b", "user:c"] as const).map((name) =>
      inPart(0, subject, name),
    ) as [StreamName, StreamName, StreamName];

    test("moves with the batch, part by part, and survives a restart", async () => {
      const subjectStore = await opened(subject);
      const { streams } = subjectStore.store;
      await streams.apply(batchOf([record(userA)], { from: "0", to: "18446744073709551615" }));
      await streams.apply({ part: 3, progress: { from: "0", to: "5" }, records: [], rejected: [] });
      await subjectStore.reopen();
      expect(await subjectStore.store.streams.progress(0)).toBe("18446744073709551615");
      expect(await subjectStore.store.streams.progress(3)).toBe("5");
    });

    test("invariant 12: a deposed writer changes nothing", async () => {
      const { store } = await opened(subject);
      const { streams } = store;
      await streams.apply(batchOf([], { from: "0", to: "10" }));
      const batch = batchOf([record(userA)], { from: "10", to: "20" });
      await streams.apply(batch);
      const late = { ...batchOf([record(userA), record(userB)], { from: "10", to: "15" }) };
      const deposed = await streams.apply({
        ...late,
        rejected: [{ reason: "r", record: "x", offset: "11" }],
      });
      expect(deposed).toMatchObject({ owned: false, outcomes: [] });
      expect(await headOf(streams, userA)).toMatchObject({ head: 1 });
      expect(await headOf(streams, userB)).toMatchObject({ head: 0 });
      expect(await streams.progress(0)).toBe("20");
    });

    test("invariants 1 and 12: what begins behind a new part's first record is not taken for its beginning", async () => {
      const { store } = await opened(subject);
      const { streams } = store;
      const behind = await streams.apply(batchOf([record(userA)], { from: "10", to: "20" }));
      expect(behind).toMatchObject({ owned: false, outcomes: [] });
      expect(await streams.progress(0)).toBeNull();
      expect(await headOf(streams, userA)).toMatchObject({ head: 0 });
      await store.coordination.setProgress(0, "10");
      const first = await streams.apply(batchOf([record(userA)], { from: "10", to: "20" }));
      expect(first.owned).toBe(true);
    });

    test("invariant 12: of two writers with the same place, one commits", async () => {
      const { store } = await opened(subject);
      const { streams } = store;
      const all = await Promise.all(
        [userA, userB, userC].map((name) => streams.apply(batchOf([record(name)], { from: "0", to: "1" }))),
      );
      expect(all.filter(({ owned }) => owned)).toHaveLength(1);
      const { heads } = await streams.heads([userA, userB, userC]);
      expect(heads.map(({ head }) => head).toSorted()).toEqual([0, 0, 1]);
    });

    test("invariant 5: a batch applied again changes nothing", async () => {
      const { store } = await opened(subject);
      const { streams } = store;
      const sent = records(userA, 5);
      await streams.apply(batchOf(sent, { from: "0", to: "5" }));
      const again = await streams.apply(batchOf(sent, { from: "0", to: "5" }));
      expect(again.owned).toBe(false);
      const other = await streams.apply(batchOf(sent, { from: "5", to: "10" }));
      expect(other.outcomes).toEqual(sent.map((_, at) => ({ status: "duplicate", seq: at + 1 })));
      expect(await headOf(streams, userA)).toMatchObject({ head: 5 });
    });

    test("a record that can't be used is set aside and its part goes on", async () => {
      const { store } = await opened(subject);
      const rejected = [{ reason: "not JSON", record: "\ufffd{", offset: "0" }];
      const applied = await store.streams.apply({
        part: 0,
        progress: { from: "0", to: "1" },
        records: [],
        rejected,
      });
      expect(applied).toMatchObject({ owned: true, outcomes: [] });
      expect(await store.streams.progress(0)).toBe("1");
    });
  });
}
