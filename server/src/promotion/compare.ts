/** The comparison: every stream with its rows, every other copy, each side computed by itself. */
import { sumOf } from "../store/row-sum.ts";
import {
  type CopyKind,
  type Counts,
  copyKinds,
  type Range,
  type RangeSum,
  type StreamCopy,
  type TransferSource,
} from "../store/transfer.ts";
import { type Patience, patiently } from "./patience.ts";
import { beginStage, type Progress } from "./progress.ts";
import { rangesOf } from "./ranges.ts";

export interface Comparing extends Patience {
  readonly source: TransferSource;
  readonly target: TransferSource;
  readonly counts: Counts;
  readonly pageRows: number;
  tell(progress: Progress): void;
}

/** The most differences that are named. */
const most = 20;

export type Compared = { readonly differences: readonly string[] } | "stopped";

/** Names at most 20 differences; none: all is equal. */
export async function compare(comparing: Comparing): Promise<Compared> {
  const { source, target, counts } = comparing;
  const ask = <T>(call: () => Promise<T>): Promise<T> => patiently(comparing, call);
  const differences: string[] = [];
  const say = (what: string, here: unknown, there: unknown): void => {
    if (here === there || differences.length >= most) return;
    differences.push(`${what}: ${here} in ${source.name}, ${there} in ${target.name}`);
  };
  say("epoch", await ask(() => source.epoch()), await ask(() => target.epoch()));
  const others = await ask(() => target.counts());
  for (const kind of copyKinds) say(`how many ${kind}`, counts[kind], others[kind]);

  for (const kind of copyKinds) {
    if (kind === "streams" || kind === "notifications") continue;
    const here = await sumUp(comparing, source, kind);
    const there = await sumUp(comparing, target, kind);
    if (here === null || there === null) return "stopped";
    if (here !== there) say(`what the ${kind} come to`, here, there);
  }
  return (await compareStreams(comparing, say)) ? { differences } : "stopped";
}

/** Of all copies of a kind, in whatever order; null when told to stop. */
async function sumUp(comparing: Comparing, side: TransferSource, kind: CopyKind): Promise<bigint | null> {
  const { counts, clock, tell, signal, pageRows } = comparing;
  const stage = beginStage(`sum up ${kind} of ${side.name}`, counts[kind], clock, tell);
  let sum = 0n;
  let after: string | null = null;
  do {
    if (signal.aborted) return null;
    const { copies, next } = await patiently(comparing, () => side.page(kind, after, pageRows));
    for (const copy of copies) sum += sumOf(textOf(copy));
    stage.add(copies.length);
    after = next;
  } while (after !== null);
  stage.done();
  return sum;
}

/** Backends may name properties in another order. */
const textOf = (copy: object): string =>
  JSON.stringify(Object.entries(copy).sort(([a], [b]) => (a < b ? -1 : 1)));

type Say = (what: string, here: unknown, there: unknown) => void;

async function compareStreams(comparing: Comparing, say: Say): Promise<boolean> {
  const { source, target, counts, clock, tell, signal, pageRows } = comparing;
  const stage = beginStage("compare notifications", counts.notifications, clock, tell);
  let after: string | null = null;
  do {
    const page = await patiently(comparing, () => source.page("streams", after, Math.min(pageRows, 1_000)));
    const names = page.copies.map(({ name }) => name);
    const others = await patiently(comparing, () => target.streams(names));
    page.copies.forEach((copy, at) => {
      compareStream(copy, others[at] ?? null, say);
    });
    for (const ranges of rangesOf(page.copies)) {
      if (signal.aborted) return false;
      const there = patiently(comparing, () => target.sums(ranges));
      const [theirs, ours] = await Promise.all([there, patiently(comparing, () => source.sums(ranges))]);
      ranges.forEach((range, at) => {
        compareRange(range, ours[at]!, theirs[at]!, say);
      });
      stage.add(ours.reduce((rows, one) => rows + one.rows, 0));
    }
    after = page.next;
  } while (after !== null);
  stage.done();
  return true;
}

function compareStream(copy: StreamCopy, other: StreamCopy | null, say: Say): void {
  if (other === null) return say(`stream ${copy.name}`, "there", "missing");
  for (const name of ["head", "trimmed", "receiptSeq", "rev", "closed"] as const) {
    say(`${name} of ${copy.name}`, copy[name], other[name]);
  }
  say(`trimming of ${copy.name}`, JSON.stringify(copy.trim), JSON.stringify(other.trim));
}

function compareRange({ stream, after, upTo }: Range, here: RangeSum, there: RangeSum, say: Say): void {
  const what = `${stream} from ${after + 1}${upTo === null ? "" : ` to ${upTo}`}`;
  if (here.rows !== there.rows) say(`rows of ${what}`, here.rows, there.rows);
  else say(`what the ${here.rows} rows of ${what} come to`, here.sum, there.sum);
}
