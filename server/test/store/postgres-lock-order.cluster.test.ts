import { ownerOf, type StreamName } from "@carillon/protocol/stream";
import { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { apply, batchOf, dayMs, headOf, inPart, record } from "../../src/store/conformance/suite.ts";
import { openPostgres } from "../../src/store/postgres/open.ts";
import { ask, makeDatabases, postgresStore } from "./postgres-stage.ts";

const subject = postgresStore(1);

async function opened() {
  const made = await makeDatabases(1);
  onTestFinished(() => made.remove());
  const store = await openPostgres({ urls: made.urls, identityWindowMs: dayMs, timeoutMs: 20_000 });
  onTestFinished(() => store.stop());
  return { store, url: made.urls[0]! };
}

/** Holds a stream's row until it is told otherwise. */
async function holding(url: string, stream: StreamName): Promise<() => Promise<unknown>> {
  const client = new Client({ connectionString: url });
  await client.connect();
  onTestFinished(() => client.end());
  await client.query("BEGIN");
  await client.query("SELECT FROM streams WHERE name = $1 FOR UPDATE", [stream]);
  return () => client.query("ROLLBACK");
}

const waiting = async (url: string): Promise<number> => {
  const sql = `SELECT count(*)::int AS count FROM pg_stat_activity
    WHERE datname = current_database() AND wait_event_type = 'Lock'`;
  return (await ask<{ count: number }>(url, sql))[0]!.count;
};

const soon = { timeout: 10_000, interval: 20 };

/** A notification that was sent again later: what comes behind it is numbered by a statement of its own. */
const inTwoStatements = (first: readonly StreamName[], second: readonly StreamName[]) => {
  const some = first.map((stream) => record(stream));
  const again = some.map((one) => ({ ...one, acceptedAt: one.acceptedAt + 1 }));
  return [...some, again[0]!, ...second.map((stream) => record(stream))];
};

test("a batch of several statements locks streams in the order in which those do who subscribe", async () => {
  const { store, url } = await opened();
  const { streams, directory } = store;
  const c = inPart(0, subject, "user:c");
  const a = inPart(0, subject, "user:a");
  const b = inPart(0, subject, "user:b");
  await directory.putTopic("news", "key:test");
  for (const stream of [c, a, b]) await apply(streams, record(stream));

  const release = await holding(url, c);
  const applied = streams.apply(batchOf(inTwoStatements([b], [c, a]), { from: "0", to: "4" }));
  await expect.poll(() => waiting(url), soon).toBe(1);
  const subscribed = directory.subscribe("news", [ownerOf(a), ownerOf(b)], 256);
  const isThrough = async () => (await directory.subscriptions(ownerOf(a))).length === 1;
  await expect.poll(async () => (await isThrough()) || (await waiting(url)) === 2, soon).toBe(true);
  await release();
  const ended = await Promise.allSettled([applied, subscribed]);
  expect(ended.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled"]);
  expect((await applied).outcomes).toEqual([
    { status: "stored", seq: 2 },
    { status: "duplicate", seq: 2 },
    { status: "stored", seq: 2 },
    { status: "stored", seq: 2 },
  ]);
});

test("invariant 12: a batch of several statements that was overtaken writes nothing", async () => {
  const { store } = await opened();
  const { streams } = store;
  const a = inPart(0, subject, "user:a");
  await streams.apply(batchOf([record(a)], { from: "0", to: "1" }));
  const late = await streams.apply(batchOf(inTwoStatements([a], [a]), { from: "0", to: "3" }));
  expect(late).toMatchObject({ owned: false, outcomes: [] });
  expect((await headOf(streams, a)).head).toBe(1);
  expect(await streams.progress(0)).toBe("1");
});
