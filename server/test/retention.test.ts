import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { Cleaned } from "../src/cleaning.ts";
import { makeRetention } from "../src/director/retention.ts";
import { Failure } from "../src/errors.ts";
import { apply, hourMs, records } from "../src/store/conformance/suite.ts";
import type { RetentionDriver, Space } from "../src/store/retention.ts";
import { makeFaults } from "../src/store/sqlite/faults.ts";
import { openSqlite } from "../src/store/sqlite/open.ts";
import { makeManualClock } from "./manual-clock.ts";

const empty: Space = { oldestAt: null, sizeBytes: 0, freeBytes: 0 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Retention over a store, by a clock that is moved on whenever it waits. */
function keep(
  retention: RetentionDriver,
  options: { readonly keepMs?: number | null; readonly may?: () => boolean } = {},
) {
  const clock = makeManualClock();
  const waits: number[] = [];
  const failures: unknown[] = [];
  const runs: { readonly cleaned: Cleaned; readonly space: Space }[] = [];
  const job = makeRetention({
    retention,
    keepMs: options.keepMs === undefined ? hourMs : options.keepMs,
    clock: {
      ...clock,
      after(delayMs, run) {
        waits.push(delayMs);
        return clock.after(delayMs, run);
      },
    },
    random: () => 0.5,
    may: async () => options.may?.() ?? true,
    ran: (cleaned, space) => runs.push({ cleaned, space }),
    failed: (failure) => failures.push(failure),
  });
  onTestFinished(() => job.stop());
  job.start();
  return {
    job,
    waits,
    failures,
    runs,
    async until(isSo: () => boolean): Promise<void> {
      for (; !isSo(); await turn()) clock.advance(1_000);
    },
  };
}

test("takes step after step until nothing is left, gives space back, and tells what it did", async () => {
  const steps = [
    { removed: 200, done: false },
    { removed: 200, done: false },
    { removed: 3, done: true },
  ];
  const given = [1_000, 500, 0];
  const asked: unknown[] = [];
  const { until, runs } = keep({
    async retain(...args) {
      asked.push(args);
      return steps.shift() ?? { removed: 0, done: true };
    },
    async giveBack(...args) {
      asked.push(args);
      return given.shift() ?? 0;
    },
    space: async () => empty,
  });
  await until(() => runs.length === 2);
  expect(runs.map(({ cleaned }) => cleaned)).toEqual([
    { removed: 403, freedBytes: 1_500 },
    { removed: 0, freedBytes: 0 },
  ]);
  expect(asked[0]).toEqual([hourMs, 200]);
  expect(asked[3]).toEqual([1 << 20, "worthwhile"]);
});

test("where everything is kept nothing is asked to go", async () => {
  const { until, runs } = keep(
    {
      retain: () => expect.fail("nothing goes by age"),
      giveBack: async () => 0,
      space: async () => empty,
    },
    { keepMs: null },
  );
  await until(() => runs.length === 2);
});

test("whose it isn't does nothing, and lets go in the middle of a run", async () => {
  let mine = false;
  let steps = 0;
  const { until, waits, runs } = keep(
    {
      async retain() {
        if (++steps === 3) mine = false;
        return { removed: 1, done: false };
      },
      giveBack: async () => 0,
      space: async () => empty,
    },
    { may: () => mine },
  );
  await until(() => waits.length === 3);
  expect(steps).toBe(0);
  mine = true;
  await until(() => runs.length === 1);
  expect(steps).toBe(3);
});

test("a store that is away is told of and tried again later each time", async () => {
  const away = new Failure("unavailable", "the store is away");
  let failing = 3;
  const { until, waits, failures, runs } = keep({
    retain: () => (failing-- > 0 ? Promise.reject(away) : Promise.resolve({ removed: 0, done: true })),
    giveBack: async () => 0,
    space: async () => empty,
  });
  await until(() => runs.length === 1);
  expect(failures).toEqual([away, away, away]);
  expect(waits).toEqual([10_000, 10_500, 11_000, 12_000, 10_000]);
});

test("while notifications come what is old goes, stopping in the middle loses nothing, and the rest goes next", async () => {
  const directory = mkdtempSync(join(tmpdir(), "carillon-retention-"));
  const faults = makeFaults();
  const store = await openSqlite({ directory, identityWindowMs: hourMs, faults: faults.buffer });
  onTestFinished(async () => {
    await store.stop();
    rmSync(directory, { recursive: true });
  });
  for (let batch = 0; batch < 5; batch++) await apply(store.streams, ...records("user:a", 400));
  faults.advance(2 * hourMs);
  let steps = 0;
  let removed = 0;
  const counted: RetentionDriver = {
    ...store.retention,
    async retain(...args) {
      const step = await store.retention.retain(...args);
      steps++;
      removed += step.removed;
      return step;
    },
  };
  const first = keep(counted);
  const traffic = async (): Promise<void> => {
    while (steps < 4) await apply(store.streams, ...records("user:a", 5));
  };
  await Promise.all([traffic(), first.until(() => steps >= 4)]);
  await first.job.stop();
  expect(removed).toBeLessThan(2_000);
  const second = keep(counted);
  await second.until(() => second.runs.length === 1);
  expect(removed).toBe(2_000);
  const { first: kept, rows, head } = await store.streams.read("user:a", 0, 256);
  expect(kept).toBe(2_001);
  expect(rows).toHaveLength(head - 2_000);
  expect(second.runs[0]!.space.oldestAt).toBeGreaterThan(Date.now() + hourMs);
});
