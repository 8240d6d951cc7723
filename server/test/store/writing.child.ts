/** Opens the store in the directory given and stores until it is killed, telling of what was acknowledged. */
import { openSqlite } from "../../src/store/sqlite/open.ts";
import type { Outcome, StreamRecord } from "../../src/store/streams.ts";

export interface Acknowledged {
  readonly records: readonly StreamRecord[];
  readonly outcomes: readonly Outcome[];
}

const [directory, first] = process.argv.slice(2);
const store = await openSqlite({ directory: directory!, identityWindowMs: 86_400_000 });
process.send!("open");

let number = Number(first ?? 0);
const recordOf = (): StreamRecord => {
  const key = String(number++).padStart(22, "0");
  const body = JSON.stringify({ key, text: "x".repeat(number % 700) });
  const stream = `user:${number % 7}` as const;
  const optional = { collapseKey: null, expiresAt: null, receipt: false } as const;
  return { stream, key, digest: key, kind: 0, ...optional, acceptedAt: Date.now(), body };
};

const keepStoring = async (batchRows: number): Promise<void> => {
  for (;;) {
    const records = Array.from({ length: batchRows }, recordOf);
    const { outcomes } = await store.streams.apply({ part: 0, progress: null, records, rejected: [] });
    process.send!({ records, outcomes } satisfies Acknowledged);
  }
};

if (first !== undefined) await Promise.all([keepStoring(1), keepStoring(40), keepStoring(200)]);
