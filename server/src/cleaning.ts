/** One run of removing what is over and what is old, and giving its space back, step by step, whoever asks for it. */
import type { RetentionDriver } from "./store/retention.ts";

export interface Cleaned {
  readonly removed: number;
  readonly freedBytes: number;
}

export interface Cleaning {
  readonly retention: RetentionDriver;
  /** As in the streams port; where nobody else is at it. */
  readonly upkeep?: (limit: number) => Promise<number>;
  /** What was stored longer ago goes; null: nothing goes by age. */
  readonly keepMs: number | null;
  readonly giveBack: "worthwhile" | "all";
  /** Rows a step: a few milliseconds of what accepts notifications. */
  readonly stepRows: number;
  /** Between two steps; false ends the run. */
  goOn(stepMs: number, soFar: Cleaned): Promise<boolean>;
  now(): number;
}

const stepBytes = 1 << 20;

/** Resolves with what went, when nothing is left to do or it was told to end. */
export async function clean(cleaning: Cleaning): Promise<Cleaned> {
  const { retention, keepMs, giveBack, stepRows, goOn, now } = cleaning;
  let soFar: Cleaned = { removed: 0, freedBytes: 0 };
  for (let done = cleaning.upkeep === undefined; !done; ) {
    const startedAt = now();
    done = (await cleaning.upkeep!(stepRows)) < stepRows;
    if (!done && !(await goOn(now() - startedAt, soFar))) return soFar;
  }
  for (let done = keepMs === null; !done; ) {
    const startedAt = now();
    const step = await retention.retain(keepMs!, stepRows);
    done = step.done;
    soFar = { ...soFar, removed: soFar.removed + step.removed };
    if (!done && !(await goOn(now() - startedAt, soFar))) return soFar;
  }
  for (;;) {
    const startedAt = now();
    const freedBytes = await retention.giveBack(stepBytes, giveBack);
    if (freedBytes === 0) return soFar;
    soFar = { ...soFar, freedBytes: soFar.freedBytes + freedBytes };
    if (!(await goOn(now() - startedAt, soFar))) return soFar;
  }
}
