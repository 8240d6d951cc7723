import { setTimeout as delay } from "node:timers/promises";
import type { StreamName } from "@carillon/protocol/stream";
import { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import {
  batchOf,
  dayMs,
  headOf,
  hourMs,
  inPart,
  record,
  records,
  rowOf,
} from "../../src/store/conformance/suite.ts";
import { openPostgres, type PostgresOptions } from "../../src/store/postgres/open.ts";
import type { StoreBackend } from "../../src/store/store.ts";
import type { Outcome } from "../../src/store/streams.ts";
import { makeRelay } from "../bus/relay.ts";
import { ask, clockAhead, type Databases, makeDatabases, postgresStore } from "./postgres-stage.ts";

const subject = postgresStore(1);
const userA = inPart(0, subject, "user:a");
const userB = inPart(0, subject, "user:b");

async function databases(count = 1): Promise<Databases> {
  const made = await makeDatabases(count);
  onTestFinished(() => made.remove());
  return made;
}

async function open(urls: readonly string[], options: Partial<PostgresOptions> = {}): Promise<StoreBackend> {
  const store = await openPostgres({ urls, identityWindowMs: dayMs, timeoutMs: 3_000, ...options });
  onTestFinished(() => store.stop());
  return store;
}

/** A transaction of somebody else's, open until the test ends or says otherwise. */
async function inTransaction(url: string, sql: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  onTestFinished(() => client.end().catch(() => {}));
  await client.query("BEGIN");
  await client.query(sql);
  return client;
}

/** The backends that wait for a lock there, once there are so many. */
const waiting = async (url: string, count = 1): Promise<number[]> =>
  expect
    .poll(
      async () => {
        const sql = `SELECT pid FROM pg_stat_activity
          WHERE datname = current_database() AND wait_event_type = 'Lock'`;
        return (await ask<{ pid: number }>(url, sql)).map(({ pid }) => pid);
      },
      { timeout: 10_000, interval: 20 },
    )
    .toHaveLength(count)
    .then(async () => {
      const sql = `SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      return (await ask<{ pid: number }>(url, sql)).map(({ pid }) => pid);
    });

const unavailable = { code: "unavailable", retryAfterMs: expect.any(Number) };
const stored = (...seqs: number[]): Outcome[] => seqs.map((seq) => ({ status: "stored", seq }));

test("invariants 5 and 12: a batch whose backend is killed is unavailable, and again stored once", async () => {
  const { urls } = await databases();
  const { streams } = await open(urls);
  await streams.apply(batchOf(records(userA, 2), { from: "0", to: "2" }));
  const holder = await inTransaction(urls[0]!, "SELECT FROM log_progress FOR UPDATE");
  const batch = batchOf(records(userA, 3), { from: "2", to: "5" });
  const first = streams.apply(batch);
  const refused = expect(first).rejects.toMatchObject(unavailable);
  const [pid] = await waiting(urls[0]!);
  await ask(urls[0]!, "SELECT pg_terminate_backend($1)", [pid]);
  await refused;
  await holder.query("ROLLBACK");
  expect(await streams.progress(0)).toBe("2");
  expect(await streams.apply(batch)).toMatchObject({ owned: true, outcomes: stored(3, 4, 5) });
  expect((await streams.read(userA, 2, 10)).rows).toEqual(batch.records.map((one, at) => rowOf(at + 3, one)));
});

test("invariants 5 and 12: a batch that committed although its answer was lost isn't stored again", async () => {
  const { urls } = await databases();
  const { hostname, port, pathname } = new URL(urls[0]!);
  const relay = await makeRelay({ host: hostname, port: Number(port) });
  const { streams } = await open([`postgres://postgres@127.0.0.1:${relay.port}${pathname}`], {
    timeoutMs: 2_000,
  });
  await streams.apply(batchOf(records(userA, 2), { from: "0", to: "2" }));
  const inLog = batchOf(records(userA, 3), { from: "2", to: "5" });
  const inline = batchOf(records(userB, 2));
  relay.drop(() => true);
  await expect(streams.apply(inLog)).rejects.toMatchObject(unavailable);
  relay.drop(() => false);
  expect(await streams.progress(0)).toBe("5");
  expect(await streams.apply(inLog)).toMatchObject({ owned: false, outcomes: [] });
  expect(await headOf(streams, userA)).toMatchObject({ head: 5 });
  relay.drop(() => true);
  await expect(streams.apply(inline)).rejects.toMatchObject(unavailable);
  relay.drop(() => false);
  const again = inline.records.map((_, at) => ({ status: "duplicate", seq: at + 1 }));
  expect((await streams.apply(inline)).outcomes).toEqual(again);
});

test("invariant 12: of two directors on one part each batch is one's, and seqs have no holes", async () => {
  const { urls } = await databases();
  const directors = [await open(urls), await open(urls)];
  const owned: number[] = [0, 0];
  const applyAll = async ({ streams }: StoreBackend, who: number): Promise<void> => {
    for (;;) {
      const from = Number((await streams.progress(0)) ?? "0");
      if (from >= 60) return;
      const progress = { from: String(from), to: String(from + 2) };
      const applied = await streams.apply(batchOf([record(userA), record(userB)], progress));
      if (applied.owned) owned[who]! += 1;
    }
  };
  await Promise.all(directors.map(applyAll));
  expect(owned[0]! + owned[1]!).toBe(30);
  const { rows } = await directors[0]!.streams.read(userA, 0, 256);
  expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (_, at) => at + 1));
});

test("invariant 12: the successor of a director that froze in a transaction waits for the server's limit only", async () => {
  const { urls } = await databases();
  const { streams } = await open(urls);
  await streams.apply(batchOf(records(userA, 1), { from: "0", to: "1" }));
  // What `transaction` begins with, and then nothing: a process that is stopped there sends no more.
  const frozen = await inTransaction(urls[0]!, "SET LOCAL idle_in_transaction_session_timeout = 1000");
  await frozen.query("SELECT FROM log_progress FOR UPDATE");
  const startedAt = performance.now();
  const batch = batchOf(records(userA, 1), { from: "1", to: "2" });
  const attempt = async (): Promise<boolean> => {
    try {
      return (await streams.apply(batch)).owned;
    } catch (error) {
      expect(error).toMatchObject(unavailable);
      return attempt();
    }
  };
  expect(await attempt()).toBe(true);
  expect(performance.now() - startedAt).toBeLessThan(10_000);
  await expect(frozen.query("COMMIT")).rejects.toThrow();
  expect(await headOf(streams, userA)).toMatchObject({ head: 2 });
});

test("a server that has become a standby is away, and its connections aren't used again", async () => {
  const { urls } = await databases();
  const database = new URL(urls[0]!).pathname.slice(1);
  const { streams } = await open(urls);
  await streams.apply(batchOf(records(userA, 1)));
  await ask(urls[0]!, `ALTER DATABASE ${database} SET default_transaction_read_only = on`);
  await ask(
    urls[0]!,
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
  );
  await expect
    .poll(() => streams.apply(batchOf(records(userA, 1))).catch((error) => error.message))
    .toMatch("standby");
  await expect(streams.heads([userA])).rejects.toMatchObject(unavailable);
  await ask(
    urls[0]!.replace(/\/[^/]*$/, "/postgres"),
    `ALTER DATABASE ${database} RESET default_transaction_read_only`,
  );
  expect((await streams.apply(batchOf(records(userA, 1)))).outcomes).toEqual(stored(2));
});

test("of several hosts the one that takes writes is used", async () => {
  const { urls } = await databases();
  const { hostname, port, pathname } = new URL(urls[0]!);
  const gone = await makeRelay({ host: hostname, port: Number(port) }, false);
  const hosts = `127.0.0.1:${gone.port},${hostname}:${port}`;
  const { streams } = await open([`postgres://postgres@${hosts}${pathname}?target_session_attrs=read-write`]);
  expect((await streams.apply(batchOf(records(userA, 1)))).outcomes).toEqual(stored(1));
});

test("a server that hangs is unavailable in a bounded time, and the pool goes on when it comes back", async () => {
  const { urls } = await databases();
  const { hostname, port, pathname } = new URL(urls[0]!);
  const relay = await makeRelay({ host: hostname, port: Number(port) });
  const { streams } = await open([`postgres://postgres@127.0.0.1:${relay.port}${pathname}`], {
    timeoutMs: 1_000,
    connections: 2,
    queuedCalls: 6,
  });
  await streams.apply(batchOf(records(userA, 1)));
  relay.freeze();
  const startedAt = performance.now();
  const calls = await Promise.allSettled(Array.from({ length: 10 }, () => streams.heads([userA])));
  expect(performance.now() - startedAt).toBeLessThan(2_500);
  const codes = calls.map((call) => call.status === "rejected" && (call.reason as { code: string }).code);
  expect(codes.filter((code) => code === "overloaded")).toHaveLength(3);
  expect(codes.filter((code) => code === "unavailable")).toHaveLength(7);
  relay.thaw();
  expect((await streams.apply(batchOf(records(userA, 1)))).outcomes).toEqual(stored(2));
});

test("one record that the server refuses is set aside, and its part goes on", async () => {
  const { urls } = await databases();
  const { streams } = await open(urls);
  const sent = records(userA, 9);
  const bad = { ...sent[4]!, body: '{"a":"\0"}' };
  const batch = batchOf(sent.with(4, bad), { from: "0", to: "9" });
  const { owned, outcomes } = await streams.apply(batch);
  expect({ owned, outcomes }).toEqual({
    owned: true,
    outcomes: [...stored(1, 2, 3, 4), { status: "rejected" }, ...stored(5, 6, 7, 8)],
  });
  expect(await streams.progress(0)).toBe("9");
  const kept = await ask(
    urls[0]!,
    "SELECT part, log_offset, reason, convert_from(record, 'UTF8') AS record FROM rejected",
  );
  expect(kept).toEqual([
    { part: 0, log_offset: "0", reason: expect.stringContaining("0x00"), record: JSON.stringify(bad) },
  ]);
});

test("invariant 12: a replay judges repeats by when records were accepted, whatever the clock says", async () => {
  const made = await databases();
  const { streams } = await open(made.urls, { identityWindowMs: hourMs });
  const at = Date.now();
  const one = record(userA, { acceptedAt: at });
  await streams.apply(batchOf([one], { from: "0", to: "1" }));
  await made.run(clockAhead(90 * 60_000));
  const soon = { ...one, acceptedAt: at + hourMs - 1 };
  const late = { ...one, acceptedAt: at + hourMs + 1 };
  const { outcomes } = await streams.apply(batchOf([soon, late, late], { from: "1", to: "4" }));
  expect(outcomes).toEqual([
    { status: "duplicate", seq: 1 },
    { status: "stored", seq: 2 },
    { status: "duplicate", seq: 2 },
  ]);
});

test("invariant 5: a repeat is known to the end of its window by receivers whose clocks are hours ahead", async () => {
  const made = await databases();
  const { streams } = await open(made.urls);
  const ahead = Date.now() + 3 * hourMs;
  const one = record(userA, { acceptedAt: ahead });
  await streams.apply(batchOf([one], { from: "0", to: "1" }));
  await made.run(clockAhead(dayMs - hourMs / 2));
  const again = { ...one, acceptedAt: ahead + dayMs - hourMs / 2 };
  const { outcomes } = await streams.apply(batchOf([again], { from: "1", to: "2" }));
  expect(outcomes).toEqual([{ status: "duplicate", seq: 1 }]);
});

test("who has too much unread to count in time keeps nobody else from being told", async () => {
  const made = await databases();
  const { streams, positions } = await open(made.urls);
  await streams.apply(batchOf([record(userA), record(userB)], { from: "0", to: "2" }));
  await made.run(`ALTER FUNCTION carillon_unread(text[], integer[]) RENAME TO quick_unread;
    CREATE FUNCTION carillon_unread(names text[], name_parts integer[]) RETURNS TABLE(
      name text, epoch integer, rev bigint, topic text, read_up_to bigint, read_excepted text,
      archive_up_to bigint, archive_excepted text, head bigint, count bigint, unseen bigint)
    LANGUAGE sql AS $$
      SELECT q.* FROM quick_unread(names, name_parts) q,
        (SELECT pg_sleep(CASE WHEN '${userA}' = ANY (names) THEN 60 ELSE 0 END)) slow $$`);
  const [much, little] = await Promise.allSettled([
    positions.unread(userA.slice("user:".length)),
    positions.unread(userB.slice("user:".length)),
  ]);
  expect(much).toMatchObject({ status: "rejected", reason: unavailable });
  expect(little).toMatchObject({ status: "fulfilled", value: { total: 1 } });
});

test("several processes make a new store at the same time; a newer schema and another store are foreign", async () => {
  const { urls } = await databases(2);
  const stores = await Promise.all([open(urls), open(urls), open(urls.toReversed().toReversed())]);
  expect(stores.map(({ parts }) => parts)).toEqual([128, 128, 128]);
  const counts = await Promise.all(urls.map((url) => ask(url, "SELECT count(*)::int AS count FROM parts")));
  expect(counts.flat()).toEqual([{ count: 64 }, { count: 64 }]);
  const others = await databases(1);
  await open(others.urls);
  await expect(open([urls[0]!, others.urls[0]!])).rejects.toMatchObject({ code: "foreign" });
  await expect(open([urls[1]!])).rejects.toMatchObject({ code: "unusable" });
  await others.run("UPDATE carillon_schema SET version = version + 1");
  await expect(open(others.urls)).rejects.toMatchObject({ code: "foreign" });
});

const move = async (from: string, to: string, part: number, stream: StreamName): Promise<void> => {
  const rows = (table: string, sql: string) =>
    ask<{ row: string }>(from, `SELECT row_to_json(t) AS row FROM (${sql}) t`).then((found) =>
      ask(to, `INSERT INTO ${table} SELECT * FROM json_populate_recordset(NULL::${table}, $1)`, [
        JSON.stringify(found.map(({ row }) => row)),
      ]),
    );
  await rows("streams", `SELECT * FROM streams WHERE name = '${stream}'`);
  await rows(
    "notifications",
    `SELECT n.* FROM notifications n JOIN streams s ON s.id = stream_id WHERE name = '${stream}'`,
  );
  await rows("log_progress", `SELECT * FROM log_progress WHERE part = ${part}`);
};

test("a part that is moved under a process is refused while it is on its way, and found where it went", async () => {
  const { urls } = await databases(2);
  const [from, to] = urls as [string, string];
  const { streams } = await open(urls);
  const sent = records(userA, 3);
  await streams.apply(batchOf(sent, { from: "0", to: "3" }));
  await ask(from, "UPDATE parts SET state = 'frozen' WHERE part = 0");
  const next = batchOf(records(userA, 1), { from: "3", to: "4" });
  await expect(streams.apply(next)).rejects.toMatchObject({ code: "unavailable", retryAfterMs: 250 });
  await expect(streams.withdraw(userA, sent[0]!.key)).rejects.toMatchObject({ retryAfterMs: 250 });
  await expect(streams.trim(userA, 1)).rejects.toMatchObject({ retryAfterMs: 250 });
  expect((await streams.read(userA, 0, 10)).rows).toHaveLength(3);
  expect(await streams.find(userA, sent[0]!.key)).toMatchObject({ seq: 1 });
  await move(from, to, 0, userA);
  await ask(from, "UPDATE parts SET state = 'gone' WHERE part = 0");
  await expect(streams.apply(next)).rejects.toMatchObject({ code: "unavailable", retryAfterMs: 250 });
  await expect(streams.read(userA, 0, 10)).rejects.toMatchObject({ retryAfterMs: 250 });
  await ask(to, "INSERT INTO parts VALUES (0, 'here')");
  expect(await streams.apply(next)).toMatchObject({ owned: true, outcomes: stored(4) });
  expect((await streams.apply(batchOf([sent[2]!], { from: "4", to: "5" }))).outcomes).toEqual([
    { status: "duplicate", seq: 3 },
  ]);
  expect((await streams.read(userA, 0, 10)).rows).toHaveLength(4);
  expect(await headOf(streams, userA)).toMatchObject({ head: 4 });
  expect(await ask(from, "SELECT head FROM streams")).toEqual([{ head: "3" }]);
});

test("whoever takes a part away waits for the writes under way, and later ones see it", async () => {
  const { urls } = await databases();
  const { streams } = await open(urls);
  await streams.apply(batchOf(records(userA, 1), { from: "0", to: "1" }));
  const holder = await inTransaction(urls[0]!, "SELECT FROM log_progress FOR UPDATE");
  const under = streams.apply(batchOf(records(userA, 1), { from: "1", to: "2" }));
  await waiting(urls[0]!);
  const mover = await inTransaction(urls[0]!, "SELECT 1");
  const locked = mover.query("SELECT pg_advisory_xact_lock(1131572846, 0)");
  await waiting(urls[0]!, 2);
  await holder.query("COMMIT");
  expect(await under).toMatchObject({ owned: true });
  await locked;
  const late = streams.apply(batchOf(records(userA, 1), { from: "2", to: "3" }));
  const refused = expect(late).rejects.toMatchObject({ code: "unavailable", retryAfterMs: 250 });
  await waiting(urls[0]!);
  await mover.query("UPDATE parts SET state = 'frozen' WHERE part = 0");
  await mover.query("COMMIT");
  await refused;
  expect(await headOf(streams, userA)).toMatchObject({ head: 2 });
});

test("a stopped store refuses what comes later and lets what is under way finish", async () => {
  const { urls } = await databases();
  const store = await open(urls);
  const under = store.streams.apply(batchOf(records(userA, 1)));
  await delay(0);
  const stopping = store.stop();
  await expect(store.streams.apply(batchOf(records(userA, 1)))).rejects.toMatchObject({ code: "stopped" });
  expect((await under).outcomes).toEqual(stored(1));
  await stopping;
  await store.stop();
});

test("a store is there when each of its servers is, and can be written to", async () => {
  const { urls } = await databases(2);
  const { hostname, port, pathname } = new URL(urls[1]!);
  const relay = await makeRelay({ host: hostname, port: Number(port) });
  const store = await open([urls[0]!, `postgres://postgres@127.0.0.1:${relay.port}${pathname}`]);
  await store.ask();
  await relay.cut();
  await expect(store.ask()).rejects.toMatchObject({ code: "unavailable" });
  await relay.mend();
  await expect.poll(() => store.ask().then(() => "there")).toBe("there");
  await ask(
    urls[1]!,
    `ALTER DATABASE ${pathname.slice(1)} SET default_transaction_read_only = on;
     SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND pid <> pg_backend_pid()`,
  );
  await expect(store.ask()).rejects.toMatchObject({ code: "unavailable" });
});
