import { randomUUID } from "node:crypto";
import type { Clock } from "../../clock.ts";

const mark = "?";

export const isProbe = (payload: string): boolean => payload.startsWith(mark);

/** Sees to it that what one connection notifies, the other hears. */
export interface Probe {
  /** The listening connection is there. */
  listening(): void;
  /** The notifying connection is there. */
  notifying(): void;
  heard(payload: string): void;
  /** The listening connection is gone. */
  cancel(): void;
}

export interface ProbeOptions {
  readonly clock: Clock;
  readonly waitMs: number;
  /** Resolves to whether it was: false where there is no connection to do it. */
  readonly notify: (payload: string) => Promise<boolean>;
  readonly passed: () => void;
  readonly failed: () => void;
}

export function makeProbe({ clock, waitMs, notify, passed, failed }: ProbeOptions): Probe {
  let sought: string | null = null;
  let stop: (() => void) | null = null;

  async function send(): Promise<void> {
    const payload = sought;
    if (payload === null || stop !== null) return;
    const notified = await notify(payload).catch(() => false);
    if (notified && sought === payload) stop ??= clock.after(waitMs, failed);
  }

  function cancel(): void {
    sought = null;
    stop?.();
    stop = null;
  }

  return {
    listening() {
      cancel();
      sought = mark + randomUUID();
      void send();
    },
    notifying: () => void send(),
    heard(payload) {
      if (payload !== sought) return;
      cancel();
      passed();
    },
    cancel,
  };
}
