import type { Clock } from "../src/clock.ts";

/** Time stands still until it is told how far to go; what falls due runs in its order. */
export interface ManualClock extends Clock {
  advance(ms: number): void;
}

export function makeManualClock(startedAt = 1_800_000_000_000): ManualClock {
  const timers: { at: number; run: () => void }[] = [];
  let now = startedAt;

  return {
    now: () => now,
    after(delayMs, run) {
      const timer = { at: now + delayMs, run };
      timers.push(timer);
      timers.sort((a, b) => a.at - b.at);
      return () => {
        const at = timers.indexOf(timer);
        if (at >= 0) timers.splice(at, 1);
      };
    },
    soon: (run) => void setImmediate(run),
    advance(ms) {
      const until = now + ms;
      while (timers[0] && timers[0].at <= until) {
        const { at, run } = timers.shift()!;
        now = at;
        run();
      }
      now = until;
    },
  };
}
