/**
 * What it costs to store: durable rows per second, and CPU for each row in the main thread and in the workers.
 *
 *   node bench/store-apply.ts [--directory <where>] [--rows 400000]
 *
 * Batches of records with a body of 200 bytes for random streams, one batch under way at a time, as from the
 * director. The first half of the rows only fills the store; figures are of the second. Records are made outside
 * of what is measured.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openSqlite } from "../server/src/store/sqlite/open.ts";
import type { StreamRecord } from "../server/src/store/streams.ts";

const { values } = parseArgs({
  options: { directory: { type: "string", default: tmpdir() }, rows: { type: "string", default: "400000" } },
});
const rows = Number(values.rows);
const body = JSON.stringify({ data: "x".repeat(189) });

function makeRecords(count: number, streams: number): StreamRecord[] {
  return Array.from({ length: count }, () => ({
    stream: `user:${Math.floor(Math.random() * streams)}` as const,
    key: randomBytes(16).toString("base64url"),
    digest: randomBytes(16).toString("base64url"),
    kind: 0 as const,
    collapseKey: null,
    expiresAt: null,
    receipt: false,
    body,
  }));
}

async function measure(streams: number, batchRows: number) {
  const directory = mkdtempSync(join(values.directory, "carillon-bench-"));
  const store = await openSqlite({ directory, identityWindowMs: 86_400_000 });
  const figures = { wallMs: 0, mainUs: 0, allUs: 0, rows: 0 };
  const commitsMs: number[] = [];
  for (let stored = 0; stored < rows; ) {
    const records = makeRecords(Math.min(50_000, rows - stored), streams);
    const batches = Array.from({ length: Math.ceil(records.length / batchRows) }, (_, at) =>
      records.slice(at * batchRows, (at + 1) * batchRows),
    );
    const startedAt = performance.now();
    const main = process.threadCpuUsage();
    const all = process.cpuUsage();
    for (const batch of batches) {
      const sentAt = performance.now();
      await store.streams.apply({ part: 0, progress: null, records: batch, rejected: [] });
      if (stored >= rows / 2) commitsMs.push(performance.now() - sentAt);
    }
    if (stored >= rows / 2) {
      const mainUsed = process.threadCpuUsage(main);
      const allUsed = process.cpuUsage(all);
      figures.wallMs += performance.now() - startedAt;
      figures.mainUs += mainUsed.user + mainUsed.system;
      figures.allUs += allUsed.user + allUsed.system;
      figures.rows += records.length;
    }
    stored += records.length;
  }
  await store.stop();
  rmSync(directory, { recursive: true });
  commitsMs.sort((a, b) => a - b);
  const quantile = (q: number): string => commitsMs[Math.floor((commitsMs.length - 1) * q)]!.toFixed(1);
  return {
    streams,
    batchRows,
    "rows/s": Math.round(figures.rows / (figures.wallMs / 1000)),
    "main us/row": (figures.mainUs / figures.rows).toFixed(2),
    "workers us/row": ((figures.allUs - figures.mainUs) / figures.rows).toFixed(2),
    "commit ms p50": quantile(0.5),
    p99: quantile(0.99),
    max: quantile(1),
  };
}

const table: Awaited<ReturnType<typeof measure>>[] = [];
for (const batchRows of [100, 1_000, 2_000]) {
  for (const streams of [1_000, 100_000]) table.push(await measure(streams, batchRows));
}
console.table(table);
