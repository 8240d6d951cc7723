import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { openForReading, openForWriting } from "./connection.ts";

const stage = () => {
  const directory = mkdtempSync(join(tmpdir(), "carillon-connection-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return { file: join(directory, "carillon.db"), cacheBytes: 1 << 20 };
};

test("invariant 1: a commit is on the disk when it returns, not only in the kernel", () => {
  const db = openForWriting(stage());
  onTestFinished(() => db.close());
  expect(db.prepare("PRAGMA synchronous").get()).toEqual({ synchronous: 2 });
  expect(db.prepare("PRAGMA journal_mode").get()).toEqual({ journal_mode: "wal" });
});

test("a reader can't write", () => {
  const options = stage();
  openForWriting(options).close();
  const db = openForReading(options);
  onTestFinished(() => db.close());
  expect(() => db.exec("DELETE FROM streams")).toThrow("readonly");
});
