/** The real server as a process of its own, started as `carillon serve` and ended in every way there is. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface ServerProcess {
  readonly child: ChildProcess;
  readonly directory: string;
  readonly url: string;
  readonly operationsUrl: string;
  /** Of its data directory; empty where that has none. */
  readonly apiKey: string;
  /** What it wrote to standard error, the newest last. */
  readonly said: readonly string[];
  readonly exit: Promise<Exit>;
  kill(signal: NodeJS.Signals): Promise<Exit>;
}

export interface SpawnOptions {
  readonly directory: string;
  readonly flags?: readonly string[];
  /** On top of this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A module that is loaded before the server. */
  readonly preload?: string;
  /** Takes what is to be done at the end; of the test, unless somebody else has the server. */
  readonly atEnd?: AtEnd;
}

export type AtEnd = (run: () => void | Promise<void>) => void;

export interface Spawned {
  readonly child: ChildProcess;
  readonly said: string[];
  readonly exit: Promise<Exit>;
  /** Resolves when it serves; null when it ended before it did. */
  readonly serving: Promise<ServerProcess | null>;
}

const main = fileURLToPath(new URL("../../../cli/src/main.ts", import.meta.url));
const linesKept = 200;

/** A directory that goes with the test. */
export function makeDirectory(atEnd: AtEnd = onTestFinished): string {
  const directory = mkdtempSync(join(tmpdir(), "carillon-bad-day-"));
  atEnd(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

/** Without the launcher in between: a SIGKILL would only reach that. */
export function spawnServer({
  directory,
  flags = [],
  environment = {},
  preload,
  atEnd = onTestFinished,
}: SpawnOptions): Spawned {
  const before = preload === undefined ? [] : ["--import", preload];
  const where = ["--data-directory", directory, "--port", "0", "--operations-port", "0"];
  const child = spawn(process.execPath, [...before, main, "serve", "--json", ...where, ...flags], {
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "pipe", ...(preload === undefined ? [] : (["ipc"] as const))],
  });
  const said: string[] = [];
  createInterface({ input: child.stderr! }).on("line", (line) => {
    said.push(line);
    if (said.length > linesKept) said.shift();
  });
  const exit = new Promise<Exit>((resolve) => {
    child.once("close", (code, signal) => resolve({ code, signal }));
  });
  const firstLine = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout! }).once("line", resolve);
  });
  const kill = (signal: NodeJS.Signals): Promise<Exit> => {
    child.kill(signal);
    return exit;
  };
  const serving = Promise.race([firstLine, exit.then(() => null)]).then((line): ServerProcess | null => {
    if (line === null) return null;
    const { url, operationsUrl } = JSON.parse(line) as { url: string; operationsUrl: string };
    const keyFile = join(directory, "api.key");
    const apiKey = existsSync(keyFile) ? readFileSync(keyFile, "utf8").trim() : "";
    return { child, directory, url, operationsUrl, apiKey, said, exit, kill };
  });
  atEnd(async () => {
    if (child.exitCode === null && child.signalCode === null) await kill("SIGKILL");
  });
  return { child, said, exit, serving };
}

/** Starts one that must come to serve. */
export async function startServer(options: SpawnOptions): Promise<ServerProcess> {
  const spawned = spawnServer(options);
  const server = await spawned.serving;
  if (server !== null) return server;
  throw new Error(`the server ended with ${(await spawned.exit).code}: ${spawned.said.join("\n")}`);
}
