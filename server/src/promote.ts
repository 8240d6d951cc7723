/**
 * `carillon promote` without its command line: a store moved from the data directory to PostgreSQL, compared again, or
 * copied back into a new data directory. Where to is said by the server's own configuration.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "./clock.ts";
import type { Config } from "./config/options.ts";
import { showProblems } from "./config/show.ts";
import { ownSources, readConfig } from "./config.ts";
import { Failure } from "./errors.ts";
import { signingKeyFact } from "./first-keys.ts";
import { type Ended, promote, verify } from "./promotion/flow.ts";
import type { Progress } from "./promotion/progress.ts";
import { read, standingFact } from "./promotion/standing.ts";
import { openSqliteSource, openSqliteTarget, removeSqlite } from "./store/sqlite/transfer/open.ts";
import type { TransferSource, TransferTarget } from "./store/transfer.ts";

export type Mode = "up" | "down" | "verify";

export interface PromoteOptions {
  /** The command line: the server's options. */
  readonly args: readonly string[];
  readonly mode: Mode;
  /** Given to stop at the next page; what was copied stays, and the same call goes on from there. */
  readonly signal: AbortSignal;
  tell(progress: Progress): void;
  /** For people, in passing: a store is away and is tried again. */
  note(text: string): void;
}

export type Promoted =
  | (Ended & { readonly source: string; readonly target: string; readonly signingKeyFile: string | null })
  | { readonly is: "usage"; readonly why: string }
  /** `away`: a store couldn't be reached for as long as was waited. */
  | { readonly is: "failed"; readonly why: string; readonly away: boolean };

const patienceMs = 60_000;

export async function promoteStore(options: PromoteOptions): Promise<Promoted> {
  const configuration = readConfig(ownSources(options.args));
  if (!configuration.ok) return { is: "usage", why: showProblems(configuration.problems).trimEnd() };
  const { config } = configuration;
  if (config.postgresUrl.length === 0) {
    const why =
      "Say which PostgreSQL: CARILLON_POSTGRES_URL, --postgres-url, or postgresUrl in the configuration's file.";
    return { is: "usage", why };
  }
  // The clock's timers don't, and while a store is away nothing else may.
  const keepsAlive = setInterval(() => {}, 60_000);
  try {
    return options.mode === "down" ? await bringDown(config, options) : await takeUp(config, options);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const away = error.code === "unavailable" || error.code === "overloaded";
    const why =
      error.code === "locked"
        ? `a server, or another promotion, has ${config.dataDirectory}: stop it first.`
        : `${error.message}.`;
    return { is: "failed", why, away };
  } finally {
    clearInterval(keepsAlive);
  }
}

const transfersOf = ({ postgresUrl, postgresConnections, parts }: Config) => ({
  urls: postgresUrl,
  connections: postgresConnections,
  parts,
});

async function takeUp(config: Config, { mode, signal, tell, note }: PromoteOptions): Promise<Promoted> {
  const { openPostgresTarget } = await import("./store/postgres/transfer/open.ts");
  const signing = signingKeyOf(config);
  return using(await openSqliteSource(config.dataDirectory), async (source) =>
    using(await openPostgresTarget(transfersOf(config)), async (target) => {
      const call = { source, target, tell, signal, ...patienceWith(note) };
      const facts = new Map(signing.secret === null ? [] : [signingKeyFact(signing.secret)]);
      const ended = mode === "verify" ? await verify(call) : await promote({ ...call, moves: true, facts });
      return { ...ended, source: source.name, target: target.name, signingKeyFile: signing.file };
    }),
  );
}

async function bringDown(config: Config, { signal, tell, note }: PromoteOptions): Promise<Promoted> {
  const { openPostgresSource } = await import("./store/postgres/transfer/open.ts");
  return using(await openPostgresSource(transfersOf(config)), async (source) =>
    using(await openNew(config.dataDirectory, note), async (target) => {
      const call = { source, target, tell, signal, ...patienceWith(note) };
      const ended = await promote({ ...call, moves: false, facts: new Map() });
      return { ...ended, source: source.name, target: target.name, signingKeyFile: null };
    }),
  );
}

/** A copy that was not finished is begun anew: the moment that it was of is gone. */
async function openNew(directory: string, note: (text: string) => void): Promise<TransferTarget> {
  const target = await openSqliteTarget(directory);
  if (read(await target.fact(standingFact))?.is !== "arriving") return target;
  await target.close();
  note(`the copy in ${directory} was not finished; it is begun anew`);
  removeSqlite(directory);
  return openSqliteTarget(directory);
}

async function using<S extends TransferSource, T>(side: S, use: (side: S) => Promise<T>): Promise<T> {
  try {
    return await use(side);
  } finally {
    await side.close();
  }
}

const patienceWith = (note: (text: string) => void) => ({
  clock: systemClock,
  patienceMs,
  waiting: (reason: Failure, delayMs: number) =>
    note(`${reason.message}; trying again in ${(delayMs / 1_000).toFixed(1)} s`),
});

/** What the processes on the new store must sign with. */
function signingKeyOf(config: Config): { readonly secret: string | null; readonly file: string | null } {
  if (config.tokenSecret !== null) return { secret: config.tokenSecret, file: null };
  const file = config.tokenSecretFile ?? join(config.dataDirectory, "signing.key");
  return existsSync(file)
    ? { secret: readFileSync(file, "utf8").trim(), file }
    : { secret: null, file: null };
}
