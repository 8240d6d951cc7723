import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StreamName } from "@carillon/protocol/stream";
import { expect, onTestFinished, test } from "vitest";
import { dayMs, records } from "../../src/store/conformance/suite.ts";
import { openSqlite } from "../../src/store/sqlite/open.ts";
import { withBounds } from "../../src/store/store.ts";

test("what is beyond a port's bounds is refused before it reaches the backend", async () => {
  const dataDirectory = mkdtempSync(join(tmpdir(), "carillon-bounds-"));
  const backend = await openSqlite({ directory: dataDirectory, identityWindowMs: dayMs });
  onTestFinished(async () => {
    await backend.stop();
    rmSync(dataDirectory, { recursive: true });
  });
  const { streams, directory, positions, coordination, queries, people: port } = withBounds(backend);
  const batchOf = (count: number) => ({
    part: 0,
    progress: null,
    records: records("user:a", count),
    rejected: [],
  });
  const names = (count: number) => Array.from({ length: count }, (_, at): StreamName => `user:${at}`);
  const people = names(1_001).map((name) => name.slice(5));

  const filter = { unread: false, archived: "with", silent: true, own: false } as const;
  const inbox = (limit: number, topics: readonly string[]) =>
    queries.inbox({
      user: "a",
      limit,
      from: null,
      filter: { ...filter, topics, type: null, source: null, since: null },
    });

  for (const beyond of [
    () => streams.apply(batchOf(2_001)),
    () => streams.read("user:a", 0, 0),
    () => streams.read("user:a", 0, 257),
    () => streams.heads(names(1_001)),
    () => streams.upkeep(0),
    () => directory.listTopics("", 1_001),
    () => directory.subscribe("t", people, 256),
    () => directory.subscribers("t", "", 0),
    () => positions.saveDevices(people.map((user) => ({ user, device: "d", cursor: "c" }))),
    () => positions.acknowledge(people.map((user) => ({ user, stream: "user:a" as const, upTo: 1 }))),
    () => positions.mark("a", "read", { stream: "user:a", seqs: [], undo: false }),
    () =>
      positions.mark("a", "read", { stream: "user:a", seqs: people.slice(0, 257).map(Number), undo: true }),
    () => positions.mark("a", "seen", { stream: "user:a", seqs: [1], undo: false }),
    () => positions.receipts("user:a", 1, 1_001),
    () => port.putState("a", JSON.stringify("x".repeat(16_383)), 0),
    () => coordination.agree("f", "é".repeat(513)),
    () => coordination.amend("", "v"),
    () => coordination.agree("x".repeat(129), "v"),
    () => coordination.claim("a", people, 1_000),
    () => coordination.claim("a", ["é"], 1_000),
    () => coordination.claim("a", ["x"], 999),
    () => coordination.claim("a", ["x"], 600_001),
    () => coordination.release("a", people),
    () => inbox(101, []),
    () => inbox(0, []),
    () => inbox(1, people.slice(0, 17)),
  ]) {
    await expect(beyond()).rejects.toThrow(RangeError);
  }

  expect((await streams.apply(batchOf(2_000))).outcomes).toHaveLength(2_000);
  expect((await streams.read("user:a", 0, 256)).rows).toHaveLength(256);
  expect((await streams.heads(names(1_000))).heads).toHaveLength(1_000);
});
