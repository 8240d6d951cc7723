import { type Backoff, backoffMs } from "../backoff.ts";
import type { Clock } from "../clock.ts";
import type { StreamsDriver } from "../store/streams.ts";

/** What one step may touch: a few milliseconds of the writer's time, so that accepting is hardly delayed. */
const stepRows = 500;
const intervalMs = 1_000;
const upkeepBackoff: Backoff = { baseMs: 1_000, maxMs: 60_000 };

export interface UpkeepOptions {
  readonly streams: Pick<StreamsDriver, "upkeep">;
  readonly clock: Clock;
  readonly random: () => number;
  /** Whether it is this process's to do now. */
  may(): Promise<boolean>;
  /** A step was taken, and went over so many rows. */
  did(rows: number): void;
  failed(failure: unknown): void;
}

/** Expiry and the identity window, in bounded steps: at once while a step came back full, else every second. */
export function makeUpkeep({ streams, clock, random, may, did, failed }: UpkeepOptions) {
  let cancel: (() => void) | undefined;
  let step: Promise<void> | undefined;
  let stopped = false;
  let failures = 0;

  const runStep = async (): Promise<void> => {
    let delayMs = intervalMs;
    try {
      let touched = 0;
      if (await may()) {
        touched = await streams.upkeep(stepRows);
        did(touched);
      }
      failures = 0;
      if (touched >= stepRows) delayMs = 0;
    } catch (error) {
      failed(error);
      delayMs = intervalMs + backoffMs(upkeepBackoff, failures++, random());
    }
    step = undefined;
    if (!stopped) schedule(delayMs);
  };

  const schedule = (delayMs: number): void => {
    cancel = clock.after(delayMs, () => {
      step = runStep();
    });
  };

  return {
    start: (): void => schedule(intervalMs),
    async stop(): Promise<void> {
      stopped = true;
      cancel?.();
      await step;
    },
  };
}
