import { Failure } from "../errors.ts";
import type { LogDriver } from "./driver.ts";

export interface OpeningLog extends LogDriver {
  /** Starts it and has it agreed on, once; rejects as either does. */
  open(): Promise<void>;
}

/**
 * A log that may be opened while others are served already: until it is open, what is appended is refused with
 * `unavailable`.
 */
export function openLater(log: LogDriver, agreed: () => Promise<void>): OpeningLog {
  let isOpen = false;
  return {
    ...log,
    async open() {
      await log.start();
      await agreed();
      isOpen = true;
    },
    append: (records) => (isOpen ? log.append(records) : Promise.reject(notYet())),
  };
}

const notYet = (): Failure => new Failure("unavailable", "the log isn't there yet", { retryAfterMs: 1_000 });
