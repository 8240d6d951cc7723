/**
 * Time, and the only way to ask for some. Roles take a clock so that tests and the seeded model decide what
 * time it is and in which order things happen.
 */
export interface Clock {
  /** Milliseconds since the epoch; fractions carry microseconds where the platform has them. */
  now(): number;
  /** Calls `run` once, no sooner than `delayMs` from now. The answer cancels it. Never keeps a process alive. */
  after(delayMs: number, run: () => void): () => void;
  /** Calls `run` once, after the current turn and the I/O that is ready. */
  soon(run: () => void): void;
}

export const systemClock: Clock = {
  now: () => performance.timeOrigin + performance.now(),
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  soon: (run) => void setImmediate(run),
};
