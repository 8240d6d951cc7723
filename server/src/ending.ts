/**
 * What ends the process: a signal (then it drains), a second one (then it is gone), or something broken that it
 * can't go on with (then it is gone as well, in a way that makes its keeper start it anew).
 */
import type { Logger } from "./telemetry/logger.ts";

export type Ending = "SIGINT" | "SIGTERM" | "broken";

export interface Endings {
  /** Resolves once, with the first. */
  readonly first: Promise<Ending>;
  /** Something broke that this process can't repair. */
  broke(what: string, reason: unknown): void;
}

/**
 * Ctrl-C reaches a process from the terminal and again from what started it (npm does that): two signals this
 * close together are one wish.
 */
const sameWishMs = 250;

const exitStatus = { SIGINT: 130, SIGTERM: 143 } as const;

/** Listens to this process from now on; once a process. What broke is logged here, however late it comes. */
export function watchForTheEnd(log: Logger): Endings {
  const { promise: first, resolve } = Promise.withResolvers<Ending>();
  let askedAt: number | undefined;
  let isOver = false;
  const broke = (what: string, reason: unknown) => {
    log.error({ err: reason }, `${what}; the process ends`);
    if (isOver) endAtOnce();
    isOver = true;
    resolve("broken");
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      const now = performance.now();
      if (askedAt !== undefined && now - askedAt > sameWishMs) process.exit(exitStatus[signal]);
      askedAt ??= now;
      isOver = true;
      resolve(signal);
    });
  }
  process.on("uncaughtException", (error) => broke("an exception that nobody caught", error));
  return { first, broke };
}

/**
 * Without a farewell. An exit waits for every thread: one of the store's that is stuck in a system call would keep
 * a process for ever that serves nothing and holds the data directory. So the kernel has to do it.
 */
export function endAtOnce(): never {
  process.kill(process.pid, "SIGKILL");
  // The signal takes a moment to arrive.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  throw new Error("killed, and still here");
}
