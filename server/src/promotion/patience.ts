/** Trying again what may be repeated, while a store is away. */
import { backoffMs } from "../backoff.ts";
import type { Clock } from "../clock.ts";
import { Failure } from "../errors.ts";

export interface Patience {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** How long a store may be away before it is given up. */
  readonly patienceMs: number;
  /** Told before each wait. */
  waiting(reason: Failure, delayMs: number): void;
}

const backoff = { baseMs: 500, maxMs: 5_000 };

const mayPass = (error: unknown): error is Failure =>
  error instanceof Failure && (error.code === "unavailable" || error.code === "overloaded");

/** Rejects with the last failure when patience is at its end, or at once when told to stop. */
export async function patiently<T>(patience: Patience, call: () => Promise<T>): Promise<T> {
  const { clock, signal, patienceMs, waiting } = patience;
  const began = clock.now();
  for (let attempt = 0; ; attempt++) {
    try {
      return await call();
    } catch (error) {
      if (!mayPass(error) || signal.aborted || clock.now() - began >= patienceMs) throw error;
      const delayMs = Math.max(100, backoffMs(backoff, attempt, Math.random()));
      waiting(error, delayMs);
      await wait(clock, signal, delayMs);
    }
  }
}

const wait = (clock: Clock, signal: AbortSignal, delayMs: number): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = clock.after(delayMs, done);
    signal.addEventListener("abort", done);
  });
