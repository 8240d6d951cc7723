/**
 * Retention of a large data directory under traffic: half of it is old, and goes while a real server takes
 * notifications. ROWS and STREAMS set the size (1,000,000 and 100,000); the figures are printed.
 */
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, onTestFinished, test } from "vitest";
import { makePlace } from "../../../cli/test/command.ts";
import { eventually } from "../../../conformance/src/client/deadline.ts";
import { apply, hourMs, record } from "../../src/store/conformance/suite.ts";
import { makeFaults } from "../../src/store/sqlite/faults.ts";
import { openSqlite } from "../../src/store/sqlite/open.ts";

const rows = Number(process.env["ROWS"] ?? 1_000_000);
const streams = Number(process.env["STREAMS"] ?? 100_000);
const batchRows = 1_000;
const senders = 8;
const capacityMs = 3_000;
const body = JSON.stringify({ specversion: "1.0", type: "t", data: { text: "x".repeat(300) } });

async function fill(directory: string): Promise<void> {
  const faults = makeFaults();
  faults.advance(-240 * hourMs);
  const store = await openSqlite({ directory, identityWindowMs: 24 * hourMs, faults: faults.buffer });
  for (let sent = 0; sent < rows; sent += batchRows) {
    if (sent === rows / 2) faults.advance(240 * hourMs);
    const some = Array.from({ length: batchRows }, (_, at) =>
      record(`user:${(sent + at) % streams}`, { body }),
    );
    await apply(store.streams, ...some);
  }
  await store.stop();
}

const p99 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length * 0.99)] ?? 0;

const metric = (page: string, name: string): number =>
  Number(new RegExp(`^${name} (\\S+)$`, "m").exec(page)?.[1] ?? 0);

test("half of the notifications go under half of the load: the disk shrinks, counts agree", async () => {
  const place = makePlace();
  const directory = join(mkdtempSync(join(tmpdir(), "carillon-retention-")), "data");
  onTestFinished(async () => {
    await place.leave();
    rmSync(directory, { recursive: true, force: true });
  });
  await fill(directory);
  const file = join(directory, "carillon.db");
  const sizeBefore = statSync(file).size;
  const server = await place.serve(["--data-directory", directory]);
  const { url, operationsUrl } = server.serving;
  const key = readFileSync(join(directory, "api.key"), "utf8").trim();

  let stored = 0;
  let pauseMs = 0;
  let isOver = false;
  let taken: number[] = [];
  const send = async (sender: number): Promise<void> => {
    for (let number = 0; !isOver; number++) {
      const startedAt = performance.now();
      const response = await fetch(`${url}/v1/notifications`, {
        method: "POST",
        headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
        body: JSON.stringify({
          to: `user:${(sender * 7_919 + number) % streams}`,
          source: "/load",
          id: `${sender}-${number}`,
          type: "load.one",
        }),
      });
      await response.arrayBuffer();
      expect(response.status).toBe(202);
      stored++;
      taken.push(performance.now() - startedAt);
      if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  };
  const sending = Array.from({ length: senders }, (_, sender) => send(sender));
  const page = async (): Promise<string> => (await fetch(`${operationsUrl}/metrics`)).text();
  const until = (what: string, isSo: (page: string) => boolean): Promise<string> =>
    eventually(
      what,
      async () => {
        const now = await page();
        return isSo(now) ? now : null;
      },
      500_000,
    );

  const startedAt = performance.now();
  await until("capacity is known", () => performance.now() - startedAt > capacityMs);
  const perSecond = (stored * 1_000) / capacityMs;
  // As long again as a request takes: half of the load.
  pauseMs = (senders * 1_000) / perSecond;
  taken = [];
  await until("half of it is known", () => performance.now() - startedAt > 2 * capacityMs);
  const before = p99(taken);
  taken = [];
  const began = performance.now();
  const end = await until("half went", (now) => metric(now, "carillon_retention_removed_total") >= rows / 2);
  const during = p99(taken);
  const tookMs = performance.now() - began;
  isOver = true;
  await Promise.all(sending);
  server.child.kill("SIGTERM");
  await server.ended;

  const db = new DatabaseSync(file, { readOnly: true });
  onTestFinished(() => db.close());
  const [kept] = db
    .prepare(
      `SELECT count(*) AS rows, (SELECT count(*) FROM (SELECT 1 FROM notifications n JOIN streams s
         ON s.id = n.stream_id GROUP BY s.id
         HAVING count(*) <> max(n.seq) - s.trimmed OR min(n.seq) <> s.trimmed + 1)) AS holes
       FROM notifications`,
    )
    .all() as { rows: number; holes: number }[];
  const sizeAfter = statSync(file).size;
  process.stdout.write(
    `${rows} rows in ${streams} streams: ${(sizeBefore / 1e6).toFixed(1)} MB before, ${(sizeAfter / 1e6).toFixed(1)} after; ` +
      `${Math.round(perSecond)} accepted a second at most; p99 at half of it ${before.toFixed(1)} ms, ` +
      `${during.toFixed(1)} while ${rows / 2} went in ${(tookMs / 1_000).toFixed(1)} s\n`,
  );
  expect(kept).toEqual({ rows: rows / 2 + stored, holes: 0 });
  expect(metric(end, "carillon_retention_behind_seconds")).toBe(0);
  expect(during).toBeLessThan(1_000);
  if (sizeBefore > 200e6) expect(sizeAfter).toBeLessThan(sizeBefore * 0.75);
});
