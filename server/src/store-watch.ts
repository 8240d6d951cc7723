/**
 * Whether the store can be worked with: not from when it broke down until it has answered again. Somebody must
 * ask it for that, because a server that isn't ready gets no work to ask with.
 */
import type { Clock } from "./clock.ts";
import type { Service } from "./lifecycle.ts";

const askEveryMs = 250;

export interface StoreWatch extends Service {
  /** It broke down, for this reason. */
  broke(reason: Error): void;
  /** Null when all is well. */
  problem(): string | null;
}

/** `ask` reads and writes a little; it resolves when the store is there, and rejects when it isn't. */
export function watchStore(clock: Pick<Clock, "after">, ask: () => Promise<unknown>): StoreWatch {
  let trouble: string | null = null;
  let cancel = (): void => {};
  let stopped = false;

  function askLater(): void {
    cancel();
    if (stopped) return;
    cancel = clock.after(askEveryMs, () => {
      ask().then(() => {
        trouble = null;
      }, askLater);
    });
  }

  return {
    name: "store watch",
    broke(reason) {
      trouble = reason.message;
      askLater();
    },
    problem: () => trouble,
    start: async () => {},
    async stop() {
      stopped = true;
      cancel();
    },
  };
}
