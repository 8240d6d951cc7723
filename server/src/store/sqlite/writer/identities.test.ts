import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { openForWriting } from "../connection.ts";
import { makeIdentities } from "./identities.ts";

const windowMs = 1_000_000;
const runRows = 16;

function makeStage() {
  const directory = mkdtempSync(join(tmpdir(), "carillon-identities-"));
  const db = openForWriting({ file: join(directory, "carillon.db"), cacheBytes: 1 << 20 });
  onTestFinished(() => {
    db.close();
    rmSync(directory, { recursive: true });
  });
  db.exec("PRAGMA synchronous = OFF");
  const insert = db.prepare(
    `INSERT INTO notifications(id, stream_id, seq, kind, receipt, created_at, key, digest)
     VALUES (?, ?, ?, 0, 0, ?, ?, 'd')`,
  );
  let identities = makeIdentities(db, windowMs, runRows);
  let seq = 0;
  return {
    db,
    open: () => {
      identities = makeIdentities(db, windowMs, runRows);
    },
    /** False when it was there. */
    store(stream: number, key: string, now: number): boolean {
      if (identities.find(stream, key, now)) return false;
      insert.run(identities.claim(now), stream, ++seq, now, key);
      return true;
    },
    find: (stream: number, key: string, now: number) => identities.find(stream, key, now),
    begin: () => db.exec("BEGIN"),
    commit(): void {
      identities.step();
      db.exec("COMMIT");
      identities.committed();
    },
    rollBack(): void {
      identities.step();
      db.exec("ROLLBACK");
      identities.rolledBack(true);
    },
    prune: (now: number) => identities.prune(1_000, now),
    count: (table: string) => (db.prepare(`SELECT count(*) AS n FROM ${table}`).get() as { n: number }).n,
  };
}

const group = fc.record({
  names: fc.array(fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 0, max: 200 })), {
    maxLength: 12,
  }),
  end: fc.constantFrom("commit", "commit", "commit", "rollback", "reopen"),
  later: fc.constantFrom(0, 0, 0, 100_007, 400_009),
});

test("invariant 5: finds within the window all that was committed, and nothing else", () => {
  fc.assert(
    fc.property(fc.array(group, { minLength: 20, maxLength: 60 }), (groups) => {
      const stage = makeStage();
      const known = new Map<string, number>();
      let now = 1_800_000_000_000;
      for (const { names, end, later } of groups) {
        now += later;
        const fresh = new Map<string, number>();
        stage.begin();
        stage.prune(now);
        for (const [stream, number] of names) {
          const name = `${stream}/${number}`;
          const storedAt = fresh.get(name) ?? known.get(name);
          const there = storedAt !== undefined && storedAt >= now - windowMs;
          expect(stage.store(stream, String(number), now)).toBe(!there);
          if (!there) fresh.set(name, now);
        }
        if (end === "rollback") {
          stage.rollBack();
          continue;
        }
        stage.commit();
        for (const [name, at] of fresh) known.set(name, at);
        if (end === "reopen") stage.open();
      }
      for (const [name, storedAt] of known) {
        const [stream, key] = name.split("/") as [string, string];
        expect(stage.find(Number(stream), key, now) !== undefined).toBe(storedAt >= now - windowMs);
      }
    }),
    { numRuns: 30 },
  );
});

test("what has left the window leaves no trace but its row, and isn't read again", () => {
  const stage = makeStage();
  const now = 1_800_000_000_000;
  for (let at = 0; at < 40; at++) {
    stage.begin();
    for (let key = 0; key < 4; key++) stage.store(1, `${at}.${key}`, now);
    stage.commit();
  }
  expect(stage.count("identity_runs")).toBeGreaterThan(2);
  stage.begin();
  stage.prune(now + windowMs + 1);
  stage.commit();
  expect(stage.count("identity_runs")).toBe(0);
  expect(stage.count("identity_buckets")).toBeLessThan(1_024);
  stage.open();
  expect(stage.count("identity_runs")).toBeLessThanOrEqual(1);
  expect(stage.find(1, "0.0", now)).toBeUndefined();
  expect(stage.find(1, "39.3", now)).toMatchObject({ seq: 160 });
});

test("a disk that stays full for thousands of tries leaves the tail as it was", () => {
  const stage = makeStage();
  const now = 1_800_000_000_000;
  stage.begin();
  stage.store(1, "kept", now);
  stage.commit();
  for (let at = 0; at < 5_000; at++) {
    stage.begin();
    stage.store(1, `lost.${at}`, now);
    stage.rollBack();
  }
  expect(stage.find(1, "kept", now)).toMatchObject({ seq: 1 });
  expect(stage.find(1, "lost.4999", now)).toBeUndefined();
});
