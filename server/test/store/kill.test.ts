import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { StreamName } from "@carillon/protocol/stream";
import { expect, onTestFinished, test } from "vitest";
import { openSqlite } from "../../src/store/sqlite/open.ts";
import type { StreamRecord, StreamsDriver } from "../../src/store/streams.ts";
import type { Acknowledged } from "./writing.child.ts";

const rounds = 5;

async function readAll(streams: StreamsDriver, stream: StreamName): Promise<string[]> {
  const bodies: string[] = [];
  for (;;) {
    const { rows, head } = await streams.read(stream, bodies.length, 256);
    rows.forEach((row, at) => {
      expect(row.seq).toBe(bodies.length + at + 1);
    });
    bodies.push(...rows.map((row) => row.body!));
    if (bodies.length === head) return bodies;
  }
}

test("invariants 1, 3 and 5: what was acknowledged outlives a killed process, once and in its place", async () => {
  const directory = mkdtempSync(join(tmpdir(), "carillon-kill-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const acknowledged: { readonly record: StreamRecord; readonly seq: number }[] = [];

  for (let round = 0; round < rounds; round++) {
    const child = fork(
      new URL("./writing.child.ts", import.meta.url),
      [directory, String(round * 1_000_000)],
      {
        stdio: "inherit",
      },
    );
    const killAfter = 300 + round * 700;
    let heard = 0;
    child.on("message", (message: Acknowledged | "open") => {
      if (message === "open") return;
      message.outcomes.forEach((outcome, at) => {
        expect(outcome.status).toBe("stored");
        if ("seq" in outcome) acknowledged.push({ record: message.records[at]!, seq: outcome.seq });
      });
      heard += message.outcomes.length;
      if (heard >= killAfter) child.kill("SIGKILL");
    });
    await once(child, "exit");

    const store = await openSqlite({ directory, identityWindowMs: 86_400_000 });
    const streams = [...new Set(acknowledged.map(({ record }) => record.stream))];
    const kept = new Map<string, string[]>();
    for (const stream of streams) kept.set(stream, await readAll(store.streams, stream));
    for (const { record, seq } of acknowledged) expect(kept.get(record.stream)![seq - 1]).toBe(record.body);
    for (const bodies of kept.values()) expect(new Set(bodies).size).toBe(bodies.length);
    const again = acknowledged.slice(-500);
    const { outcomes } = await store.streams.apply({
      part: 0,
      progress: null,
      records: again.map(({ record }) => record),
      rejected: [],
    });
    expect(outcomes).toEqual(again.map(({ seq }) => ({ status: "duplicate", seq })));
    await store.stop();
  }
  expect(acknowledged.length).toBeGreaterThan(rounds * 300);
});
