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

/** How far the wall clock may be ahead before it is followed. */
const stepMs = 1_000;
let originMs = performance.timeOrigin;

/**
 * The wall clock, made monotonic: a step back isn't followed, because what is due would wait for it; a step
 * forward (a machine that slept) is, because tokens and notifications have expired meanwhile.
 */
export const systemClock: Clock = {
  now() {
    const monotonicMs = originMs + performance.now();
    const wallMs = Date.now();
    if (wallMs - monotonicMs <= stepMs) return monotonicMs;
    originMs += wallMs - monotonicMs;
    return wallMs;
  },
  after(delayMs, run) {
    const timer = setTimeout(run, delayMs);
    timer.unref();
    return () => clearTimeout(timer);
  },
  soon: (run) => void setImmediate(run),
};
