import { type Backoff, backoffMs } from "../backoff.ts";
import { type Cleaned, clean } from "../cleaning.ts";
import type { Clock } from "../clock.ts";
import type { RetentionDriver, Space } from "../store/retention.ts";

/** Some 3 ms of a SQLite writer's time, and no less than a commit is worth. */
const stepRows = 200;
const intervalMs = 10_000;
const failedBackoff: Backoff = { baseMs: 1_000, maxMs: 60_000 };

export interface RetentionOptions {
  readonly retention: RetentionDriver;
  /** Null: nothing goes by age. */
  readonly keepMs: number | null;
  readonly clock: Clock;
  readonly random: () => number;
  /** Whether it is this process's to do now. */
  may(): Promise<boolean>;
  /** A run has ended; what it did, and how much there is now. */
  ran(cleaned: Cleaned, space: Space): void;
  failed(failure: unknown): void;
}

/** Every ten seconds, and while there is much to do for half of the time, so that traffic has the other half. */
export function makeRetention(options: RetentionOptions) {
  const { retention, keepMs, clock, random, may, ran, failed } = options;
  let cancel = (): void => {};
  let resume = (): void => {};
  let run: Promise<void> | undefined;
  let stopped = false;
  let failures = 0;

  const rest = (forMs: number): Promise<void> =>
    new Promise((resolve) => {
      resume = resolve;
      cancel = clock.after(forMs, resolve);
      if (stopped) resolve();
    });

  const goOn = async (stepMs: number): Promise<boolean> => {
    await rest(stepMs);
    return !stopped && (await may());
  };

  const runOnce = async (): Promise<void> => {
    let delayMs = intervalMs;
    try {
      if (await may()) {
        const now = (): number => clock.now();
        const cleaned = await clean({ retention, keepMs, giveBack: "worthwhile", stepRows, goOn, now });
        ran(cleaned, await retention.space());
      }
      failures = 0;
    } catch (error) {
      failed(error);
      delayMs += backoffMs(failedBackoff, failures++, random());
    }
    if (!stopped) schedule(delayMs);
  };

  const schedule = (delayMs: number): void => {
    cancel = clock.after(delayMs, () => {
      run = runOnce();
    });
  };

  return {
    start: (): void => schedule(intervalMs),
    async stop(): Promise<void> {
      stopped = true;
      cancel();
      resume();
      await run;
    },
  };
}
