// `node server/test/cluster/table.ts figures.jsonl [short]`: the rows of docs/reliability.md, the newest of each fault.
import { readFileSync } from "node:fs";
import type { Report } from "./audit.ts";

const form = process.argv[3] ?? "long";
const rows = new Map<string, Report>();
for (const line of readFileSync(process.argv[2]!, "utf8").trim().split("\n")) {
  const row = JSON.parse(line) as Report;
  if (row.form === form) rows.set(`${row.combination} ${row.fault}`, row);
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1);
const columns: readonly (readonly [string, (row: Report) => string | number])[] = [
  ["on", ({ combination }) => combination],
  ["what happened", ({ fault }) => fault],
  ["rounds", ({ rounds }) => rounds],
  ["notifications", ({ notifications }) => notifications.toLocaleString("en")],
  ["deliveries", ({ deliveries }) => deliveries.toLocaleString("en")],
  ["lost", ({ lost }) => lost],
  ["repeated", ({ repeated }) => repeated],
  ["out of order", ({ outOfOrder }) => outOfOrder],
  ["p99 delay s", ({ delayMs }) => seconds(delayMs.p99)],
  ["longest s", ({ delayMs }) => seconds(delayMs.longest)],
  ["refused", ({ refusals }) => refusals.told.toLocaleString("en")],
  ["within s", ({ refusals }) => (refusals.told === 0 ? "" : seconds(refusals.longestMs))],
];

const lines = [
  columns.map(([name]) => name),
  columns.map(() => "---"),
  ...[...rows.entries()].toSorted().map(([, row]) => columns.map(([, of]) => of(row))),
];
console.log(lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n"));
