// Days that go while everything runs: partitions taken out under traffic, held up, and half done.
import type { StreamName } from "@carillon/protocol/stream";
import { Client } from "pg";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { retainAll } from "../../src/store/conformance/retention.ts";
import { apply, dayMs, hourMs, records } from "../../src/store/conformance/suite.ts";
import { openPostgres } from "../../src/store/postgres/open.ts";
import type { StoreBackend } from "../../src/store/store.ts";
import { ask, clockAhead, type Databases, makeDatabases } from "./postgres-stage.ts";

const keepMs = 7 * dayMs;
const names = Array.from({ length: 40 }, (_, at): StreamName => `user:${at}`);

let made: Databases;
beforeEach(async () => {
  made = await makeDatabases(1);
  onTestFinished(() => made.remove());
});

async function open(): Promise<StoreBackend> {
  const store = await openPostgres({ urls: made.urls, identityWindowMs: hourMs });
  onTestFinished(() => store.stop());
  return store;
}

const dayPartitions = async (): Promise<string[]> =>
  (
    await ask<{ name: string }>(
      made.urls[0]!,
      `SELECT relname AS name FROM pg_class WHERE relname ~ '^notifications_\\d{8}$' AND relkind = 'r' ORDER BY 1`,
    )
  ).map(({ name }) => name);

/** Rows of today, seen ten days later, when there are partitions for the days that have come. */
async function tenDaysLater(): Promise<{ store: StoreBackend; old: string }> {
  const first = await open();
  await apply(first.streams, ...names.flatMap((name) => records(name, 5)));
  const [old] = await dayPartitions();
  await made.run(clockAhead(10 * dayMs));
  return { store: await open(), old: old! };
}

test("a day goes while notifications are stored and read: none waits for long, none is lost, no stream has a hole", async () => {
  const { store, old } = await tenDaysLater();
  const another = await open();
  let isOver = false;
  let longestMs = 0;
  let stored = 0;
  const write = async (name: StreamName): Promise<void> => {
    for (let rounds = 0; !isOver || rounds < 5; rounds++) {
      const startedAt = performance.now();
      const { outcomes } = await apply(store.streams, ...records(name, 2));
      longestMs = Math.max(longestMs, performance.now() - startedAt);
      expect(outcomes.map(({ status }) => status)).toEqual(["stored", "stored"]);
      stored += 2;
      const { rows, first, head } = await store.streams.read(name, 0, 256);
      expect(rows.map(({ seq }) => seq)).toEqual(
        Array.from({ length: Math.min(256, head - first + 1) }, (_, at) => first + at),
      );
    }
  };
  const traffic = names.slice(0, 8).map(write);
  const removed = await Promise.all([
    retainAll(store.retention, keepMs, 7),
    retainAll(another.retention, keepMs, 7),
  ]);
  const rest = await retainAll(store.retention, keepMs);
  isOver = true;
  await Promise.all(traffic);
  expect(removed[0]! + removed[1]! + rest).toBe(200);
  expect(await dayPartitions()).not.toContain(old);
  expect(longestMs).toBeLessThan(2_000);
  const { heads } = await store.streams.heads(names);
  expect(heads.every(({ first }) => first === 6)).toBe(true);
  expect(heads.reduce((sum, { head }) => sum + head, 0)).toBe(200 + stored);
});

test("somebody who reads for long holds the day up, and nobody else", async () => {
  const { store, old } = await tenDaysLater();
  const reading = new Client({ connectionString: made.urls[0]! });
  await reading.connect();
  onTestFinished(() => reading.end());
  await reading.query("BEGIN; SELECT FROM notifications LIMIT 1");
  await retainAll(store.retention, keepMs);
  expect(await dayPartitions()).toContain(old);
  // It was trimmed all the same, and what is stored meanwhile doesn't wait behind the one who waits.
  expect((await store.streams.heads([names[0]!])).heads[0]).toMatchObject({ head: 5, first: 6 });
  const startedAt = performance.now();
  await Promise.all([retainAll(store.retention, keepMs), apply(store.streams, ...records(names[0]!, 1))]);
  expect(performance.now() - startedAt).toBeLessThan(2_000);
  await reading.query("COMMIT");
  await retainAll(store.retention, keepMs);
  expect(await dayPartitions()).not.toContain(old);
});

test("what a process left half done, the next one ends: trimmed in part, or taken out and not dropped", async () => {
  const { store, old } = await tenDaysLater();
  expect(await store.retention.retain(keepMs, 7)).toMatchObject({ removed: 35, done: false });
  await store.stop();
  const second = await open();
  for (let done = false; !done; ) ({ done } = await second.retention.retain(keepMs, 7));
  expect(await dayPartitions()).toContain(old);
  await second.stop();
  const third = await open();
  expect(await third.retention.giveBack(1 << 20, "worthwhile")).toBeGreaterThan(0);
  expect(await dayPartitions()).not.toContain(old);
  const { heads } = await third.streams.heads(names);
  expect(heads.every(({ head, first }) => head === 5 && first === 6)).toBe(true);
});

test("invariant 3: a part that comes from another server while its day goes is trimmed with it", async () => {
  const { store, old } = await tenDaysLater();
  const run = (sql: string) => ask<Record<string, number>>(made.urls[0]!, sql);
  await store.retention.retain(keepMs, 30);
  // As a move does it: the part was elsewhere, and brings a stream with rows of that day.
  const [row] = await run("SELECT part, id FROM streams ORDER BY id LIMIT 1");
  await run(`UPDATE parts SET state = 'arriving' WHERE part = ${row!["part"]}`);
  await run(`UPDATE streams SET trimmed = 0 WHERE part = ${row!["part"]}`);
  expect(await store.retention.retain(keepMs, 30)).toEqual({ removed: 0, done: true });
  expect(await dayPartitions()).toContain(old);
  await run(`UPDATE retention SET parts = array_remove(parts, ${row!["part"]})`);
  await run(`UPDATE parts SET state = 'here' WHERE part = ${row!["part"]}`);
  await retainAll(store.retention, keepMs, 30);
  expect(await dayPartitions()).not.toContain(old);
  const [behind] = await run("SELECT count(*)::int AS count FROM streams WHERE trimmed < 5");
  expect(behind!["count"]).toBe(0);
});
