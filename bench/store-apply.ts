/**
 * What it costs to store, without HTTP: CPU for each row here and in SQLite's workers or PostgreSQL, and what it costs
 * to ask for heads and pages.
 *
 *   node bench/store-apply.ts [--on sqlite|postgres] [--directory <where>] [--rows 400000]
 *
 * Batches of records with a body of 200 bytes for random streams. SQLite: one batch under way at a time, as from the
 * director of an inline log. PostgreSQL: batches of one part each, with its progress, as from the director of a log with
 * 128 parts, and batches without, of streams of all parts; ten and one under way at a time. The first half of the rows only
 * fills the store; figures are of the second. Records are made outside of what is measured.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { partOf } from "../protocol/src/partition.ts";
import type { StreamName } from "../protocol/src/stream.ts";
import { openPostgres } from "../server/src/store/postgres/open.ts";
import { openSqlite } from "../server/src/store/sqlite/open.ts";
import type { StoreBackend } from "../server/src/store/store.ts";
import type { StreamRecord } from "../server/src/store/streams.ts";
import { makeBackends } from "./backends.ts";
import { total } from "./cpu.ts";
import { postgresAndRedis } from "./deployments.ts";
import { quantile } from "./measure.ts";

const { values } = parseArgs({
  options: {
    on: { type: "string", default: "sqlite" },
    directory: { type: "string", default: tmpdir() },
    rows: { type: "string", default: "400000" },
  },
});
const rows = Number(values.rows);
const parts = 128;
const identityWindowMs = 86_400_000;
const body = JSON.stringify({ data: "x".repeat(189) });

interface Opened {
  readonly store: StoreBackend;
  /** Microseconds of CPU of a server beside this process. */
  serverUs(): number;
  close(): Promise<void>;
}

async function onSqlite(): Promise<Opened> {
  const directory = mkdtempSync(join(values.directory, "carillon-bench-"));
  const store = await openSqlite({ directory, identityWindowMs });
  return {
    store,
    serverUs: () => 0,
    async close() {
      await store.stop();
      rmSync(directory, { recursive: true });
    },
  };
}

const backends = makeBackends(values.directory);

async function onPostgres(): Promise<Opened> {
  const backing = await backends.back({ ...postgresAndRedis, redis: 0 });
  const store = await openPostgres({ urls: backing.postgresUrls, identityWindowMs, parts });
  return {
    store,
    serverUs: () => total(backing.cpu()),
    async close() {
      await store.stop();
      await backing.drop();
    },
  };
}

interface Case {
  readonly streams: number;
  readonly batchRows: number;
  /** Each batch is of one part and moves its progress. */
  readonly byPart: boolean;
  readonly underWay: number;
}

const recordFor = (stream: StreamName): StreamRecord => ({
  stream,
  key: randomBytes(16).toString("base64url"),
  digest: randomBytes(16).toString("base64url"),
  kind: 0,
  collapseKey: null,
  expiresAt: null,
  receipt: false,
  acceptedAt: Date.now(),
  body,
});

interface Used {
  readonly wallMs: number;
  readonly mainUs: number;
  readonly allUs: number;
  readonly serverUs: number;
}

async function cost({ serverUs }: Opened, work: () => Promise<void>): Promise<Used> {
  const startedAt = performance.now();
  const main = process.threadCpuUsage();
  const all = process.cpuUsage();
  const server = serverUs();
  await work();
  const mainUsed = process.threadCpuUsage(main);
  const allUsed = process.cpuUsage(all);
  return {
    wallMs: performance.now() - startedAt,
    mainUs: mainUsed.user + mainUsed.system,
    allUs: allUsed.user + allUsed.system,
    serverUs: serverUs() - server,
  };
}

const add = (a: Used, b: Used): Used => ({
  wallMs: a.wallMs + b.wallMs,
  mainUs: a.mainUs + b.mainUs,
  allUs: a.allUs + b.allUs,
  serverUs: a.serverUs + b.serverUs,
});

const perUnit = (used: Used, units: number, name: string) => ({
  [`${name}/s`]: Math.round(units / (used.wallMs / 1_000)),
  "main us": (used.mainUs / units).toFixed(2),
  "other threads us": ((used.allUs - used.mainUs) / units).toFixed(2),
  "server us": (used.serverUs / units).toFixed(1),
});

/** Runs all of them, so many at a time. */
async function abreast(count: number, works: readonly (() => Promise<void>)[]): Promise<void> {
  let next = 0;
  const some = async (): Promise<void> => {
    while (next < works.length) await works[next++]!();
  };
  await Promise.all(Array.from({ length: count }, some));
}

async function measure(opened: Opened, { streams, batchRows, byPart, underWay }: Case) {
  const { store } = opened;
  const names = Array.from({ length: streams }, (_, at) => `user:${at}` as const);
  const byPartNames = Map.groupBy(names, (name) => partOf(name, parts));
  const offsets = new Map<number, number>();
  const random = <T>(some: readonly T[]): T => some[Math.floor(Math.random() * some.length)]!;
  const free = Array.from(byPartNames.keys());
  const commitsMs: number[] = [];
  let used: Used = { wallMs: 0, mainUs: 0, allUs: 0, serverUs: 0 };
  let counted = 0;
  for (let stored = 0; stored < rows; ) {
    const count = Math.min(Math.ceil(rows / 8 / batchRows), Math.ceil((rows - stored) / batchRows));
    const counts = stored >= rows / 2;
    // Parts take turns: of those under way no two are of the same.
    const works = Array.from({ length: count }, (_, at) => {
      const part = byPart ? free[at % free.length]! : 0;
      const among = byPart ? byPartNames.get(part)! : names;
      const records = Array.from({ length: batchRows }, () => recordFor(random(among)));
      const from = offsets.get(part) ?? 0;
      const progress = byPart ? { from: String(from), to: String(from + batchRows) } : null;
      offsets.set(part, from + batchRows);
      return async (): Promise<void> => {
        const sentAt = performance.now();
        const { owned } = await store.streams.apply({ part, progress, records, rejected: [] });
        if (!owned) throw new Error("overtaken");
        if (counts) commitsMs.push(performance.now() - sentAt);
      };
    });
    const slice = await cost(opened, () => abreast(underWay, works));
    if (counts) {
      used = add(used, slice);
      counted += count * batchRows;
    }
    stored += count * batchRows;
  }
  commitsMs.sort((a, b) => a - b);
  const commit = (q: number): string => quantile(commitsMs, q).toFixed(1);
  return {
    what: `store${byPart ? ", by part" : ""}`,
    streams,
    "a batch": batchRows,
    ...perUnit(used, counted, "units"),
    "p50 ms": commit(0.5),
    "p99 ms": commit(0.99),
  };
}

/** Heads of 1,000 streams in a question, then pages of 20 rows. */
async function measureReads(opened: Opened, streams: number) {
  const { store } = opened;
  const names = Array.from({ length: streams }, (_, at) => `user:${at}` as const);
  const rounds = 50;
  const heads = Array.from({ length: rounds }, (_, at) => async (): Promise<void> => {
    const from = (at * 1_000) % Math.max(1, streams - 999);
    await store.streams.heads(names.slice(from, from + 1_000));
  });
  const pages = Array.from({ length: 5_000 }, () => async (): Promise<void> => {
    await store.streams.read(names[Math.floor(Math.random() * streams)]!, 0, 20);
  });
  await abreast(1, heads.slice(0, 10));
  const asked = await cost(opened, () => abreast(1, heads));
  await abreast(10, pages.slice(0, 1_000));
  const read = await cost(opened, () => abreast(10, pages));
  return [
    { what: "a head, of 1,000 asked at once", streams, ...perUnit(asked, rounds * 1_000, "units") },
    { what: "a page of 20", streams, ...perUnit(read, pages.length, "units") },
  ];
}

const table: object[] = [];
if (values.on === "sqlite") {
  for (const batchRows of [100, 1_000, 2_000]) {
    for (const streams of [1_000, 100_000]) {
      const opened = await onSqlite();
      table.push(await measure(opened, { streams, batchRows, byPart: false, underWay: 1 }));
      if (batchRows === 2_000) table.push(...(await measureReads(opened, streams)));
      await opened.close();
    }
  }
} else {
  for (const streams of [1_000, 100_000]) {
    const cases = [
      { batchRows: 100, byPart: false },
      { batchRows: 1_000, byPart: false },
      ...[3, 10, 100, 1_000].map((batchRows) => ({ batchRows, byPart: true })),
    ];
    for (const each of cases) {
      const opened = await onPostgres();
      table.push(await measure(opened, { ...each, streams, underWay: each.byPart ? 10 : 1 }));
      if (each.byPart && each.batchRows === 1_000) table.push(...(await measureReads(opened, streams)));
      await opened.close();
    }
  }
}
await backends.stop();
console.table(table);
