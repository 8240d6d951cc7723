/**
 * Whether the log can be worked with. One broker of several that fails is trouble and not an outage: the log is away
 * when nothing has gone well for a while since trouble began.
 */
import type { Clock } from "./clock.ts";

export interface LogWatch {
  /** Something failed, and is tried again. */
  troubled(reason: string): void;
  /** Something went well. Called often. */
  worked(): void;
  /** Null when all is well. */
  problem(): string | null;
}

export interface LogWatchOptions {
  readonly clock: Pick<Clock, "now">;
  /** Trouble without success for as long is an outage. */
  readonly graceMs: number;
  /** It works again, after an outage. */
  recovered(awayMs: number): void;
}

export function watchLog({ clock, graceMs, recovered }: LogWatchOptions): LogWatch {
  let since: number | null = null;
  let newest = "";

  const isAway = (): boolean => since !== null && clock.now() - since >= graceMs;

  return {
    troubled(reason) {
      since ??= clock.now();
      newest = reason;
    },
    worked() {
      if (since === null) return;
      const awayMs = clock.now() - since;
      since = null;
      if (awayMs >= graceMs) recovered(awayMs);
    },
    problem: () => (isAway() ? newest : null),
  };
}
