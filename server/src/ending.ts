/**
 * What ends the process: a signal (then it drains), a second one (then it is gone), or something broken that it
 * can't go on with (then it is gone as well, with a status that makes its keeper start it anew).
 */
export type Ending =
  | { readonly kind: "asked"; readonly signal: NodeJS.Signals }
  | { readonly kind: "broken"; readonly what: string; readonly reason: unknown };

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

/** Listens to this process from now on; once a process. */
export function watchForTheEnd(): Endings {
  const { promise: first, resolve } = Promise.withResolvers<Ending>();
  let askedAt: number | undefined;
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.on(signal, () => {
      const now = performance.now();
      if (askedAt !== undefined && now - askedAt > sameWishMs) process.exit(exitStatus[signal]);
      askedAt ??= now;
      resolve({ kind: "asked", signal });
    });
  }
  const broke = (what: string, reason: unknown) => resolve({ kind: "broken", what, reason });
  process.on("uncaughtException", (error) => broke("an exception that nobody caught", error));
  return { first, broke };
}
