import type { DatabaseSync } from "node:sqlite";
import { rowText, sumOf } from "../../row-sum.ts";
import type { CopyKind, Counts, NotificationCopy, Range, RangeSum } from "../../transfer.ts";
import { notificationColumns, saysSomething } from "./pages.ts";

const counted: { readonly [K in CopyKind]: string } = {
  keys: "api_keys",
  revocations: "revocations",
  streams: `streams WHERE ${saysSomething}`,
  topics: "topics",
  grants: "grants",
  subscriptions: "subscriptions",
  marks: "marks",
  devices: "devices",
  states: "user_state",
  erasures: "erasures",
  receipts: "receipts",
  notifications: "notifications",
};

export function makeSums(db: DatabaseSync) {
  const rows = db.prepare(
    `SELECT ${notificationColumns} FROM notifications
     WHERE stream_id = (SELECT id FROM streams WHERE name = ?) AND seq > ? AND seq <= ? ORDER BY seq`,
  );

  return {
    counts: (): Counts =>
      Object.fromEntries(
        Object.entries(counted).map(([kind, table]) => {
          const { count } = db.prepare(`SELECT count(*) AS count FROM ${table}`).get() as { count: number };
          return [kind, count];
        }),
      ) as Counts,

    sums: (ranges: readonly Range[]): readonly RangeSum[] =>
      ranges.map(({ stream, after, upTo }) => {
        let count = 0;
        let sum = 0n;
        for (const row of rows.iterate(stream, after, upTo ?? Number.MAX_SAFE_INTEGER)) {
          count += 1;
          sum += sumOf(rowText(row as unknown as NotificationCopy));
        }
        return { rows: count, sum: sum.toString() };
      }),
  };
}
