/** The server under test: a real process, started as anybody starts it, on a data directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Cpu, canPin, pinStoreThreads, readCpu, serverCore } from "./cpu.ts";

export interface ServerOptions {
  /** The command's launcher: this checkout's, or another one's to compare with. */
  readonly cli: string;
  /** Options of Node itself, such as --cpu-prof. */
  readonly nodeOptions: readonly string[];
  /** Where data directories are made; on a disk, or a commit costs nothing. */
  readonly directory: string;
}

export interface Server {
  readonly pid: number;
  readonly port: number;
  readonly operationsUrl: string;
  readonly apiKey: string;
  readonly signingKey: string;
  cpu(): Cpu;
  stop(): Promise<void>;
}

interface Serving {
  readonly url: string;
  readonly operationsUrl: string;
  readonly apiKeyFile: string;
  readonly signingKeyFile: string;
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

export async function startServer({ cli, nodeOptions, directory }: ServerOptions): Promise<Server> {
  const data = mkdtempSync(join(directory, "carillon-bench-"));
  const command = [process.execPath, ...nodeOptions, cli, "serve", "--data-directory", data, ...flags];
  const pinned = canPin ? ["taskset", "-c", String(serverCore), ...command] : command;
  const child = spawn(pinned[0]!, pinned.slice(1), { stdio: ["ignore", "pipe", "pipe"] });
  child.stderr!.on("data", (chunk: Buffer) => {
    const text = chunk.toString();
    // What Node says of its inspector is not the server's.
    if (!/^(Debugger|For help)/.test(text)) process.stderr.write(text);
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    const serving = await firstLine(child);
    const pid = child.pid!;
    pinStoreThreads(pid);
    return {
      pid,
      port: Number(new URL(serving.url).port),
      operationsUrl: serving.operationsUrl,
      apiKey: readFileSync(serving.apiKeyFile, "utf8").trim(),
      signingKey: readFileSync(serving.signingKeyFile, "utf8").trim(),
      cpu: () => readCpu(pid),
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
