/** Sends notifications as one batch, and those again that the server could not take just now. */
import type { Batch } from "@carillon/protocol/answers";
import type { Problem } from "@carillon/protocol/problems";
import type { Receipt } from "@carillon/protocol/receipt";
import { type Ask, ask, inWords } from "./api.ts";

export interface Item {
  /** Of a file, from 1; 0 elsewhere. */
  readonly line: number;
  readonly notification: Readonly<Record<string, unknown>>;
}

export interface Outcome {
  readonly line: number;
  /** The server's, whole. */
  readonly answer: Batch["results"][number];
  readonly receipts: readonly Receipt[];
  /** `refused` or `conflict` where `error` says why. */
  readonly status: string;
  readonly error: string | null;
  /** It was not taken, and could be another time. */
  readonly retryable: boolean;
}

export type DeliverOptions = Pick<Ask, "url" | "credential" | "patienceMs" | "waiting">;

/** One outcome for each item, in their order. */
export async function deliver(items: readonly Item[], options: DeliverOptions): Promise<readonly Outcome[]> {
  const until = performance.now() + options.patienceMs;
  const outcomes = new Map<Item, Outcome>();
  let left = items;
  for (let attempt = 0; left.length > 0; attempt++) {
    const patienceMs = Math.max(0, until - performance.now());
    const body = left.map(({ notification }) => notification);
    const { results } = (await ask({ ...options, method: "POST", body, patienceMs })) as Batch;
    for (const [at, item] of left.entries()) outcomes.set(item, outcomeOf(item, results[at]!));
    left = left.filter((item) => outcomes.get(item)!.retryable);
    const delayMs = 200 * 2 ** Math.min(attempt, 5);
    if (left.length === 0 || performance.now() + delayMs > until) break;
    options.waiting?.(`${left.length} of ${items.length} were not taken`, delayMs);
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
  return items.map((item) => outcomes.get(item)!);
}

function outcomeOf({ line }: Item, answer: Batch["results"][number]): Outcome {
  const error = "error" in answer ? (answer.error as Problem) : null;
  return {
    line,
    answer,
    receipts: "receipts" in answer ? answer.receipts : [],
    status: error?.code === "conflict" ? "conflict" : "refused",
    error: error === null ? null : inWords({ status: error.status, problem: error }),
    retryable: error !== null && (error.status === 503 || error.status === 429),
  };
}
