/** One fault under load: before it, during it and after it notifications are accepted; then the audit. */
import { onTestFinished } from "vitest";
import { type Figures, report } from "./audit.ts";
import type { Combination } from "./combinations.ts";
import type { Deployment } from "./deployment.ts";
import { form } from "./form.ts";
import { expectNothingWrong, type Load, type LoadOptions, startLoad } from "./load.ts";

export interface BadDay extends Partial<LoadOptions> {
  readonly fault: string;
  readonly combination: Combination;
  readonly deployment: Deployment;
  readonly rounds?: number;
  /** Does it, and ends it: everything serves again when it resolves. */
  readonly happens: (load: Load) => Promise<void>;
  /** Nothing more is sent after it happened: what was told of nobody isn't found by way of what comes next. */
  readonly silentAfter?: boolean;
}

const answersAround = 20;
let days = 0;

export async function surviveBadDay(
  day: BadDay,
): Promise<{ readonly load: Load; readonly figures: Figures }> {
  const { fault, combination, deployment, rounds = 1, happens, silentAfter, ...options } = day;
  const seed = options.seed ?? Date.now() % 2 ** 31;
  const load = await startLoad(deployment, { tag: `d${days++}`, ...options, seed });
  onTestFinished(() => load.abandon());
  await load.promises(answersAround);
  await happens(load);
  if (!silentAfter) await load.promises(answersAround);
  const figures = await load.finish();
  report({ fault, combination: combination.name, form: form.name, seed, rounds, ...figures });
  expectNothingWrong(load, figures);
  return { load, figures };
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
