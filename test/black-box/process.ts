/** `carillon serve` as a process of its own, in a directory of its own, which can be killed and started again. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface Server {
  readonly url: string;
  readonly key: string;
  /** Ends it without a warning and starts it again, on the same directory and port. */
  killAndRestart(): Promise<void>;
  stop(): Promise<void>;
  /** What it wrote to its log. */
  log(): string;
}

const main = fileURLToPath(new URL("../../cli/src/main.ts", import.meta.url));

/** `command` is the carillon command and what runs it; that of this checkout if nothing is said. */
export async function serve(
  flags: readonly string[] = [],
  command: readonly [string, ...string[]] = [process.execPath, main],
): Promise<Server> {
  const directory = mkdtempSync(join(tmpdir(), "carillon-black-box-"));
  let log = "";

  async function start(port: string): Promise<{ readonly child: ChildProcess; readonly url: string }> {
    const where = ["--data-directory", directory, "--port", port, "--operations-port", "0"];
    const [executable, ...before] = command;
    const child = spawn(executable, [...before, "serve", "--json", ...where, ...flags], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    child.stderr.on("data", (text) => {
      log += text;
    });
    const line = await Promise.race([
      once(createInterface({ input: child.stdout }), "line"),
      once(child, "exit").then(() => null),
    ]);
    if (line === null) throw new Error(`the server did not start:\n${log}`);
    return { child, url: (JSON.parse(line[0]) as { url: string }).url };
  }

  async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
    const exit = once(child, "exit");
    if (child.exitCode === null && child.signalCode === null && child.kill(signal)) await exit;
  }

  let running = await start("0");
  const { url } = running;
  return {
    url,
    key: readFileSync(join(directory, "api.key"), "utf8").trim(),
    async killAndRestart() {
      await end(running.child, "SIGKILL");
      running = await start(new URL(url).port);
    },
    async stop() {
      await end(running.child, "SIGKILL");
      rmSync(directory, { recursive: true, force: true });
    },
    log: () => log,
  };
}
