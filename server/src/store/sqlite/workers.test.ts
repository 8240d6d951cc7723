import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { Failure } from "../../errors.ts";
import { apply, dayMs, headOf, record, records } from "../conformance/suite.ts";
import { Fault, makeFaults } from "./faults.ts";
import { openSqlite, type SqliteOptions } from "./open.ts";

async function withFaults(options: Partial<SqliteOptions> = {}) {
  const directory = mkdtempSync(join(tmpdir(), "carillon-workers-"));
  const faults = makeFaults();
  const lost: Failure[] = [];
  const waiting: (() => void)[] = [];
  let restarts = 0;
  const store = await openSqlite({
    directory,
    identityWindowMs: dayMs,
    random: () => 0,
    faults: faults.buffer,
    restarting: (reason) => lost.push(reason),
    restarted: () => {
      restarts++;
      for (const resolve of waiting.splice(0)) resolve();
    },
    ...options,
  });
  onTestFinished(async () => {
    await store.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const restarted = async (count: number): Promise<void> => {
    while (restarts < count) await new Promise<void>((resolve) => waiting.push(resolve));
  };
  return { store, directory, faults, lost, restarted };
}

const unknown = { code: "unavailable", message: expect.stringContaining("the same id is safe") };

describe("the writer", () => {
  test("invariant 1: dies before a commit: nothing is acknowledged, nothing is there, and it comes back", async () => {
    const { store, faults, lost, restarted } = await withFaults();
    await apply(store.streams, ...records("user:a", 3));
    faults.set(Fault.dieBeforeCommit);
    const one = record("user:a");
    const dying = Promise.allSettled([
      apply(store.streams, one),
      store.directory.putTopic("t", "key:k"),
      store.streams.withdraw("user:a", "x"),
    ]);
    for (const settled of await dying) expect(settled).toMatchObject({ status: "rejected", reason: unknown });
    expect(lost).toHaveLength(1);
    expect(await headOf(store.streams, "user:a")).toMatchObject({ head: 3 });
    await restarted(1);
    expect((await apply(store.streams, one)).outcomes).toEqual([{ status: "stored", seq: 4 }]);
    expect(await store.directory.getTopic("t")).toBeNull();
  });

  test("invariant 5: dies after a commit: the same again is a duplicate", async () => {
    const { store, faults, restarted } = await withFaults();
    faults.set(Fault.dieAfterCommit);
    const one = record("user:a");
    await expect(apply(store.streams, one)).rejects.toMatchObject({ ...unknown, retryAfterMs: 1_000 });
    await restarted(1);
    expect((await apply(store.streams, one)).outcomes).toEqual([{ status: "duplicate", seq: 1 }]);
  });

  test.each([
    ["before", Fault.hangBeforeCommit, "stored"],
    ["after", Fault.hangAfterCommit, "duplicate"],
  ] as const)(
    "hangs %s a commit: callers learn of it in a bounded time, and it comes back",
    async (_, fault, status) => {
      const { store, faults, lost, restarted } = await withFaults({ hangMs: 200 });
      faults.set(fault);
      const one = record("user:a");
      const first = apply(store.streams, one);
      await expect(first).rejects.toMatchObject(unknown);
      expect(lost[0]?.message).toContain("hangs");
      await restarted(1);
      expect((await apply(store.streams, one)).outcomes).toEqual([{ status, seq: 1 }]);
    },
  );

  test("is away: calls are refused at once with a time to come back, reads go on", async () => {
    const { store, faults, restarted } = await withFaults();
    await apply(store.streams, record("user:a"));
    faults.set(Fault.dieBeforeCommit);
    await expect(apply(store.streams, record("user:a"))).rejects.toMatchObject(unknown);
    await expect(apply(store.streams, record("user:a"))).rejects.toMatchObject({
      code: "unavailable",
      retryAfterMs: 1_000,
    });
    expect(await headOf(store.streams, "user:a")).toMatchObject({ head: 1 });
    await restarted(1);
  });

  test("hangs where no thread can be ended: the owner is told", async () => {
    const { store, faults } = await withFaults({ hangMs: 100, endMs: 100 });
    faults.set(Fault.hangInSqlite);
    await expect(apply(store.streams, record("user:a"))).rejects.toMatchObject(unknown);
    expect(await store.failed).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("can't be ended"),
    });
    await expect(apply(store.streams, record("user:a"))).rejects.toMatchObject({ code: "unavailable" });
  });

  test("dies again and again: the owner is told", async () => {
    const { store, faults, restarted } = await withFaults();
    for (let restart = 1; restart <= 6; restart++) {
      faults.set(Fault.dieBeforeCommit);
      await expect(apply(store.streams, record("user:a"))).rejects.toMatchObject(unknown);
      if (restart <= 5) await restarted(restart);
    }
    expect(await store.failed).toMatchObject({ code: "unavailable" });
  });

  test("can't open its file again: the owner is told why", async () => {
    const { store, faults, directory } = await withFaults();
    rmSync(directory, { recursive: true });
    faults.set(Fault.dieBeforeCommit);
    await expect(apply(store.streams, record("user:a"))).rejects.toMatchObject(unknown);
    expect(await store.failed).toMatchObject({ message: expect.stringContaining("unable to open") });
  });
});

describe("the reader", () => {
  test.each([
    ["dies", Fault.dieBeforeCommit],
    ["hangs", Fault.hangBeforeCommit],
  ] as const)("%s: reads are refused, writes go on, and it comes back", async (_, fault) => {
    const { store, faults, restarted } = await withFaults({ hangMs: 200 });
    await apply(store.streams, record("user:a"));
    faults.set(fault);
    await expect(store.streams.read("user:a", 0, 10)).rejects.toMatchObject({ code: "unavailable" });
    expect((await apply(store.streams, record("user:a"))).outcomes).toEqual([{ status: "stored", seq: 2 }]);
    await restarted(1);
    expect((await store.streams.read("user:a", 0, 10)).rows).toHaveLength(2);
  });
});

describe("the queue", () => {
  test("is bounded: one call more is refused and nothing of it done", async () => {
    const { store } = await withFaults({ queuedCalls: 3 });
    const calls = Array.from({ length: 5 }, () => apply(store.streams, record("user:a")));
    const settled = await Promise.allSettled(calls);
    const refused = settled.filter((one) => one.status === "rejected");
    expect(refused).toHaveLength(2);
    for (const { reason } of refused)
      expect(reason).toMatchObject({ code: "overloaded", retryAfterMs: 1_000 });
    expect(await headOf(store.streams, "user:a")).toMatchObject({ head: 3 });
  });

  test("calls made while a commit is under way share the next one", async () => {
    const groups: number[] = [];
    const { store } = await withFaults({ committed: (calls) => groups.push(calls) });
    await Promise.all(
      Array.from({ length: 20 }, async (_, at) => {
        await Promise.resolve();
        if (at > 0) await new Promise<void>((resolve) => queueMicrotask(resolve));
        return apply(store.streams, record("user:a"));
      }),
    );
    expect(groups.reduce((sum, calls) => sum + calls, 0)).toBe(20);
    expect(groups.length).toBeLessThanOrEqual(3);
  });

  test("a call that fails alone doesn't fail those that share its commit", async () => {
    const { store } = await withFaults();
    const bad = { ...record("user:a"), body: { not: "text" } as unknown as string };
    const settled = await Promise.allSettled([
      apply(store.streams, record("user:a")),
      apply(store.streams, record("user:a"), bad),
      apply(store.streams, record("user:a")),
    ]);
    expect(settled.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(await headOf(store.streams, "user:a")).toMatchObject({ head: 2 });
    expect((await apply(store.streams, record("user:a"))).outcomes).toEqual([{ status: "stored", seq: 3 }]);
  });

  test("stop finishes what is queued and refuses what comes later", async () => {
    const { store } = await withFaults();
    const calls = Array.from({ length: 30 }, () => apply(store.streams, record("user:a")));
    const stopped = store.stop();
    await expect(apply(store.streams, record("user:a"))).rejects.toMatchObject({ code: "stopped" });
    await expect(Promise.all(calls)).resolves.toHaveLength(30);
    await stopped;
    await store.stop();
  });
});
