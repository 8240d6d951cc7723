import { Failure } from "../errors.ts";
import type { CoordinationDriver } from "../store/coordination.ts";
import type { LogDriver } from "./driver.ts";

/** A log that keeps offsets, known for what it is whatever its name. */
export interface NamedLog {
  readonly log: LogDriver;
  /** Once the log has started. */
  id(): string;
}

const fact = "log";

/**
 * Holds a store to the log that it has read so far: offsets of another one mean nothing to it, and would be taken for
 * known. With `accept` the store is given to this log from its beginning; what the other one had and the store has not
 * is lost. Rejects with `diverged` when it is another and that was not asked for.
 */
export async function agreeOnLog(
  { log, id }: NamedLog,
  coordination: Pick<CoordinationDriver, "agree" | "amend" | "setProgress">,
  accept: boolean,
): Promise<"agreed" | "replaced"> {
  const mine = id();
  if ((await coordination.agree(fact, mine)) === mine) return "agreed";
  if (!accept) {
    throw new Failure(
      "diverged",
      "the log isn't the one that this store has read so far: it was deleted and made anew, or is another's. Give the " +
        "right one; or start one director with --accept-restore: what the old log had and the store has not is lost",
    );
  }
  for (let part = 0; part < log.parts; part++) {
    const place = await log.place(part);
    await coordination.setProgress(part, place?.first ?? "0");
  }
  await coordination.amend(fact, mine);
  return "replaced";
}
