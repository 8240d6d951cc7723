import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { apply, dayMs, headOf, record } from "../conformance/suite.ts";
import { migrate, newestSchema } from "./migrate.ts";
import { openSqlite } from "./open.ts";

const versions = Array.from({ length: newestSchema - 1 }, (_, at) => at + 1);
const stored = Date.now() - 1_000;

test.each(versions)("what a file of schema %i holds is served, and goes on", async (version) => {
  const directory = mkdtempSync(join(tmpdir(), "carillon-migrate-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const kept = record("user:ann");
  const db = new DatabaseSync(join(directory, "carillon.db"));
  migrate(db, version);
  db.exec("INSERT INTO streams(id, name, trimmed) VALUES (1, 'user:ann', 1)");
  db.prepare(
    `INSERT INTO notifications(stream_id, seq, kind, receipt, created_at, key, digest, body)
     VALUES (1, 2, 0, 0, ?, ?, ?, ?)`,
  ).run(stored, kept.key, kept.digest, kept.body);
  db.close();

  const store = await openSqlite({ directory, identityWindowMs: dayMs });
  onTestFinished(() => store.stop());
  expect(await headOf(store.streams, "user:ann")).toMatchObject({ head: 2, first: 2 });
  expect(await store.streams.read("user:ann", 0, 10)).toMatchObject({
    head: 2,
    first: 2,
    rows: [{ seq: 2, body: kept.body }],
  });
  expect((await store.streams.apply({ part: 0, progress: null, records: [kept], rejected: [] })).owned).toBe(
    true,
  );
  expect(await headOf(store.streams, "user:ann")).toMatchObject({ head: 2 });
  await apply(store.streams, record("user:ann"), record("user:bob"));
  expect(await headOf(store.streams, "user:ann")).toMatchObject({ head: 3 });
  expect(await store.positions.unread("ann")).toMatchObject({ streams: [{ stream: "user:ann", head: 3 }] });
});
