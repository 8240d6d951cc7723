/**
 * Starting in any order: what isn't there yet is waited for, with a line in the log now and then, until it is there or
 * the process is told to stop.
 */
import { type Backoff, backoffMs } from "./backoff.ts";
import type { Clock } from "./clock.ts";
import { Failure } from "./errors.ts";

export interface Waiting {
  /** What is waited for and why; null when nothing is. */
  problem(): string | null;
  /**
   * What `attempt` resolves with, sooner or later: it is repeated for as long as it rejects with `unavailable`. Rejects
   * with any other failure at once, and with `stopped` when the signal is given.
   */
  until<T>(what: string, attempt: () => Promise<T>): Promise<T>;
}

export interface WaitingOptions {
  readonly clock: Pick<Clock, "after">;
  readonly signal: AbortSignal;
  readonly random?: () => number;
  /** Called for the first failed attempt, and then for every eighth or so. */
  told(what: string, failure: Failure, attempts: number): void;
}

const backoff: Backoff = { baseMs: 250, maxMs: 5_000 };
const toldEvery = 8;

export function makeWaiting({ clock, signal, random = Math.random, told }: WaitingOptions): Waiting {
  let problem: string | null = null;

  const pause = (attempts: number): Promise<void> =>
    new Promise((resolve) => {
      const end = (): void => {
        cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const cancel = clock.after(backoffMs(backoff, attempts, random()), end);
      signal.addEventListener("abort", end);
      if (signal.aborted) end();
    });

  return {
    problem: () => problem,
    async until(what, attempt) {
      for (let attempts = 0; ; attempts++) {
        if (signal.aborted) throw new Failure("stopped", `told to stop while waiting for ${what}`);
        try {
          const value = await attempt();
          problem = null;
          return value;
        } catch (error) {
          if (!(error instanceof Failure) || error.code !== "unavailable") throw error;
          problem = `waits for ${what}: ${error.message}`;
          if (attempts % toldEvery === 0) told(what, error, attempts + 1);
          await pause(attempts);
        }
      }
    },
  };
}
