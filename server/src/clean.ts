/**
 * `carillon clean` without its command line, where no server answers: on a data directory that nobody serves, or on a
 * PostgreSQL store, served or not.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { openStoreAlone } from "./backends.ts";
import { type Cleaned, clean } from "./cleaning.ts";
import { systemClock } from "./clock.ts";
import { flag } from "./config/options.ts";
import { showProblems } from "./config/show.ts";
import { ownSources, readConfig } from "./config.ts";
import { Failure } from "./errors.ts";
import { dataFile } from "./store/sqlite/backup.ts";
import { rewriteIfRigid } from "./store/sqlite/rewrite.ts";
import { withBounds } from "./store/store.ts";

export interface CleanOptions {
  /** The command line: the server's options. */
  readonly args: readonly string[];
  /** What was stored longer ago goes; null: as the configuration has it. */
  readonly olderThanMs: number | null;
  readonly signal: AbortSignal;
  tell(soFar: Cleaned): void;
}

export type CleanEnded =
  | (Cleaned & { readonly is: "done" | "stopped"; readonly sizeBytes: number })
  | { readonly is: "usage" | "refused" | "failed"; readonly why: string };

/** The data directory whose server is to be asked first; null where the store can be cleaned beside its servers. */
export function whereServed(args: readonly string[]): string | null {
  const configuration = readConfig(ownSources(args));
  if (!configuration.ok || configuration.config.postgresUrl.length > 0) return null;
  return configuration.config.dataDirectory;
}

const stepRows = 1_000;

/** The file as a whole, with what is free in it. */
const sizeOf = (directory: string): number =>
  statSync(join(directory, dataFile), { throwIfNoEntry: false })?.size ?? 0;

export async function cleanStore({ args, olderThanMs, signal, tell }: CleanOptions): Promise<CleanEnded> {
  const configuration = readConfig(ownSources(args));
  if (!configuration.ok) return { is: "usage", why: showProblems(configuration.problems).trimEnd() };
  const { config } = configuration;
  if (olderThanMs !== null && olderThanMs < config.identityWindowMs) {
    return { is: "usage", why: `--older-than must not be shorter than ${flag("identityWindowMs")}` };
  }
  const directory = config.dataDirectory;
  const isShared = config.postgresUrl.length > 0;
  if (!isShared && !existsSync(join(directory, dataFile)))
    return { is: "refused", why: `${directory} holds no data of Carillon` };
  // The clock's timers don't keep a process alive.
  const keepsAlive = setInterval(() => {}, 60_000);
  const sizeBefore = isShared ? 0 : sizeOf(directory);
  try {
    const store = withBounds(await openStoreAlone(config, systemClock));
    let cleaned: Cleaned;
    let sizeBytes: number;
    try {
      cleaned = await clean({
        retention: store.retention,
        upkeep: store.streams.upkeep,
        keepMs: olderThanMs ?? config.retentionMs,
        giveBack: "all",
        stepRows,
        async goOn(_, soFar) {
          tell(soFar);
          return !signal.aborted;
        },
        now: systemClock.now,
      });
      ({ sizeBytes } = await store.retention.space());
    } finally {
      await store.stop();
    }
    if (signal.aborted) return { is: "stopped", ...cleaned, sizeBytes };
    if (!isShared) {
      rewriteIfRigid(directory);
      sizeBytes = sizeOf(directory);
      cleaned = { ...cleaned, freedBytes: Math.max(cleaned.freedBytes, sizeBefore - sizeBytes) };
    }
    return { is: "done", ...cleaned, sizeBytes };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.code !== "locked") return { is: "failed", why: error.message };
    return { is: "refused", why: `a process has ${directory} open, and tells nobody where it can be asked` };
  } finally {
    clearInterval(keepsAlive);
  }
}
