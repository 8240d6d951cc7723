/** Waits that end early when their owner stops. */
import type { Clock } from "../../clock.ts";

export interface Pauses {
  pause(delayMs: number): Promise<void>;
  /** Ends those under way and every later one at once. */
  end(): void;
}

export function makePauses(clock: Pick<Clock, "after">): Pauses {
  const underWay = new Set<() => void>();
  let ended = false;
  return {
    pause: (delayMs) =>
      new Promise((resolve) => {
        if (ended) return resolve();
        const finish = (): void => {
          underWay.delete(finish);
          cancel();
          resolve();
        };
        const cancel = clock.after(delayMs, finish);
        underWay.add(finish);
      }),
    end() {
      ended = true;
      for (const finish of underWay) finish();
    },
  };
}
