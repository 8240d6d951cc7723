/**
 * `carillon parts` without its command line: which server of a store on several PostgreSQL servers has which parts, and
 * moving them while everything runs. The servers are those of the server's own configuration.
 */
import { systemClock } from "./clock.ts";
import { showProblems } from "./config/show.ts";
import { ownSources, readConfig } from "./config.ts";
import { Failure } from "./errors.ts";
import type { MoveProgress } from "./store/postgres/moving/move.ts";
import { withoutPassword } from "./url-password.ts";

export interface Server {
  readonly server: number;
  /** Without a password. */
  readonly url: string;
  readonly parts: readonly number[];
}

export interface PartsOptions {
  /** The command line: the server's options. */
  readonly args: readonly string[];
  /** Null: only tell. `spread` gives every server its even share. */
  readonly move: { readonly parts: readonly number[]; readonly to: number } | "spread" | null;
  /** Given to stop before the next part is frozen; what was moved stays moved. */
  readonly signal: AbortSignal;
  tell(progress: MoveProgress & { readonly to: number; readonly left: number }): void;
}

export interface PartsHeld {
  readonly is: "done" | "stopped";
  readonly moved: number;
  readonly servers: readonly Server[];
}

export type Parts =
  | PartsHeld
  | { readonly is: "usage" | "failed"; readonly why: string; readonly away: boolean };

export async function partsOfStore(options: PartsOptions): Promise<Parts> {
  const configuration = readConfig(ownSources(options.args));
  const usage = (why: string): Parts => ({ is: "usage", why, away: false });
  if (!configuration.ok) return usage(showProblems(configuration.problems).trimEnd());
  const { postgresUrl: urls, postgresConnections, parts } = configuration.config;
  if (urls.length === 0)
    return usage("Say which PostgreSQL servers: CARILLON_POSTGRES_URL, or --postgres-url.");
  try {
    const { openServers } = await import("./store/postgres/moving/servers.ts");
    const servers = await openServers(urls, postgresConnections, parts, systemClock);
    try {
      return await work(servers, options);
    } finally {
      await servers.stop();
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { is: "failed", why: `${error.message}.`, away: error.code === "unavailable" };
  }
}

async function work(
  servers: Awaited<ReturnType<typeof import("./store/postgres/moving/servers.ts").openServers>>,
  { move, signal, tell }: PartsOptions,
): Promise<Parts> {
  const told = async (): Promise<Server[]> => {
    const holders = await servers.holders();
    return servers.urls.map((url, server) => ({
      server,
      url: withoutPassword(url),
      parts: [...holders].flatMap(([part, at]) => (at === server ? part : [])).sort((a, b) => a - b),
    }));
  };
  let moves = move === "spread" ? await servers.spread() : [];
  if (move !== null && move !== "spread") {
    if (move.to >= servers.urls.length) {
      return {
        is: "usage",
        why: `There is no server ${move.to}; \`carillon parts\` lists them.`,
        away: false,
      };
    }
    const beyond = move.parts.find((part) => part >= servers.parts);
    if (beyond !== undefined) {
      return {
        is: "usage",
        why: `There is no part ${beyond}; the last is ${servers.parts - 1}.`,
        away: false,
      };
    }
    moves = move.parts.map((part) => ({ part, to: move.to }));
  }
  let moved = 0;
  for (const [at, { part, to }] of moves.entries()) {
    const left = moves.length - at - 1;
    try {
      if (signal.aborted) throw new Failure("stopped", "told to stop");
      const went = await servers.move(part, to, signal, (progress) => tell({ ...progress, to, left }));
      if (went === "moved") moved++;
    } catch (error) {
      if (error instanceof Failure && error.code === "stopped")
        return { is: "stopped", moved, servers: await told() };
      throw error;
    }
  }
  return { is: "done", moved, servers: await told() };
}
