/** One process of the server under test: a real one, started as anybody starts it, on a data directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import {
  allCores,
  canPin,
  pinStoreThreads,
  readProcess,
  readThreads,
  serverCore,
  type Usage,
} from "./cpu.ts";
import type { Role } from "./deployments.ts";

export interface ProcessOptions {
  /** The command's launcher: this checkout's, or another one's to compare with. */
  readonly cli: string;
  /** Options of Node itself, such as --cpu-prof. */
  readonly nodeOptions: readonly string[];
  /** Where data directories are made; on a disk, or a commit costs nothing. */
  readonly directory: string;
  readonly roles: readonly Role[];
  /** What the configuration has beside the flags. */
  readonly environment: Readonly<Record<string, string>>;
  /** All roles on SQLite: pinned to one core, and its CPU told by thread. */
  readonly isEmbedded: boolean;
}

export interface ServerProcess {
  readonly roles: readonly Role[];
  /** Null where the roles have nothing for clients and producers. */
  readonly port: number | null;
  readonly operationsUrl: string;
  /** Null where another process made it. */
  readonly apiKey: string | null;
  /** Null where it was given. */
  readonly signingKey: string | null;
  readonly dataDirectory: string;
  cpu(): Usage;
  stop(): Promise<void>;
}

interface Serving {
  readonly url: string | null;
  readonly operationsUrl: string;
  readonly apiKeyFile: string | null;
  readonly signingKeyFile: string | null;
}

const flags = [
  "--port",
  "0",
  "--operations-port",
  "0",
  "--drain-window",
  "0s",
  "--log-level",
  "error",
  "--json",
];

export async function startProcess(options: ProcessOptions): Promise<ServerProcess> {
  const { cli, nodeOptions, directory, roles, environment, isEmbedded } = options;
  const data = mkdtempSync(join(directory, "carillon-bench-"));
  const apart = isEmbedded ? [] : ["--roles", roles.join(",")];
  const serve = ["serve", "--data-directory", data, ...apart, ...flags];
  const command = [process.execPath, ...nodeOptions, cli, ...serve];
  const cores = isEmbedded ? String(serverCore) : allCores;
  const pinned = canPin ? ["taskset", "-c", cores, ...command] : command;
  const child = spawn(pinned[0]!, pinned.slice(1), {
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, ...environment },
  });
  child.stderr!.on("data", (chunk: Buffer) => {
    const text = chunk.toString();
    // What Node says of its inspector is not the server's.
    if (!/^(Debugger|For help)/.test(text)) process.stderr.write(text);
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    const serving = await firstLine(child);
    const pid = child.pid!;
    if (isEmbedded) pinStoreThreads(pid);
    return {
      roles,
      port: serving.url === null ? null : Number(new URL(serving.url).port),
      operationsUrl: serving.operationsUrl,
      apiKey: readSecret(serving.apiKeyFile),
      signingKey: readSecret(serving.signingKeyFile),
      dataDirectory: data,
      cpu: () => (isEmbedded ? { ...readThreads(pid) } : { [roles.join("+")]: readProcess(pid) }),
      async stop() {
        child.kill("SIGTERM");
        const late = setTimeout(() => child.kill("SIGKILL"), 20_000);
        await ended;
        clearTimeout(late);
        rmSync(data, { recursive: true, force: true });
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    rmSync(data, { recursive: true, force: true });
    throw error;
  }
}

const readSecret = (file: string | null): string | null =>
  file === null ? null : readFileSync(file, "utf8").trim();

/** `serve --json` says where it serves in its first line. */
function firstLine(child: ChildProcess): Promise<Serving> {
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout!.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      if (text.includes("\n")) resolve(JSON.parse(text.slice(0, text.indexOf("\n"))) as Serving);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}`)));
  });
}
