/**
 * Whether the store can be worked with: not from when it broke down until it has answered again. Somebody must ask it
 * for that, because a server that isn't ready gets no work to ask with. A store that is reached over a network breaks
 * down without a word; it is asked all the time.
 */
import type { Clock } from "./clock.ts";
import type { Service } from "./lifecycle.ts";

const askAgainMs = 250;

export interface StoreWatch extends Service {
  /** It broke down, for this reason. */
  broke(reason: Error): void;
  /** Null when all is well. */
  problem(): string | null;
}

export interface StoreWatchOptions {
  readonly clock: Pick<Clock, "after">;
  /** Reads and writes a little; resolves when the store is there, and rejects when it isn't, in a bounded time. */
  ask(): Promise<unknown>;
  /** How long after a good answer it is asked again; null: when it broke down and not before. */
  readonly everyMs: number | null;
  /** It is there again, or isn't any more. */
  changed?(problem: string | null): void;
}

export function watchStore({ clock, ask, everyMs, changed = () => {} }: StoreWatchOptions): StoreWatch {
  let trouble: string | null = null;
  let cancel = (): void => {};
  let stopped = false;

  const turn = (to: string | null): void => {
    const turned = (to === null) !== (trouble === null);
    trouble = to;
    if (turned) changed(to);
  };

  function askIn(delayMs: number | null): void {
    cancel();
    if (stopped || delayMs === null) return;
    cancel = clock.after(delayMs, () => {
      ask().then(
        () => {
          turn(null);
          askIn(everyMs);
        },
        (reason: unknown) => {
          turn(reason instanceof Error ? reason.message : String(reason));
          askIn(askAgainMs);
        },
      );
    });
  }

  return {
    name: "store watch",
    broke(reason) {
      turn(reason.message);
      askIn(askAgainMs);
    },
    problem: () => trouble,
    start: async () => askIn(everyMs),
    async stop() {
      stopped = true;
      cancel();
    },
  };
}
