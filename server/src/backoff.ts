/**
 * How long to wait before trying again: exponential, with full jitter, so that those who failed together
 * don't come back together (M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
 */
export interface Backoff {
  readonly baseMs: number;
  readonly maxMs: number;
}

/** `attempt` is 0 for the first wait; `random` is in [0, 1), as of Math.random. */
export const backoffMs = ({ baseMs, maxMs }: Backoff, attempt: number, random: number): number =>
  random * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
