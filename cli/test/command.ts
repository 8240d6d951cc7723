// The real command in a real process, in a directory of its own. Waits for what is printed, never for time.
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const main = fileURLToPath(new URL("../src/main.ts", import.meta.url));
/** Many starts of the same code: compiled once, they take half the time. */
const compiled = fileURLToPath(new URL("../../node_modules/.cache/compiled", import.meta.url));

export interface Ended {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly out: string;
  readonly err: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  out(): string;
  err(): string;
  /** Resolves once this is printed, on either stream; rejects when the process ends before. */
  says(what: RegExp): Promise<RegExpExecArray>;
}

export interface Serving {
  readonly url: string;
  readonly operationsUrl: string;
  readonly dataDirectory: string;
}

export interface Place {
  readonly directory: string;
  run(args: readonly string[], options?: RunOptions): Running;
  /** Runs it to its end. */
  done(args: readonly string[], options?: RunOptions): Promise<Ended>;
  /** A server that serves. */
  serve(args?: readonly string[], options?: RunOptions): Promise<Running & { readonly serving: Serving }>;
  /** Ends what still runs, and removes the directory. */
  leave(): Promise<void>;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Ports that are free, whatever the command's own defaults are. */
const anyPort = { CARILLON_PORT: "0", CARILLON_OPERATIONS_PORT: "0", CARILLON_DRAIN_WINDOW: "1s" };

export function makePlace(): Place {
  const directory = mkdtempSync(join(tmpdir(), "carillon-"));
  const running = new Set<Running>();
  const own = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("CARILLON_")),
  );

  function run(args: readonly string[], { env = {}, input = "" }: RunOptions = {}): Running {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: directory,
      env: { ...own, NODE_COMPILE_CACHE: compiled, ...anyPort, ...env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    const started = watch(child);
    running.add(started);
    void started.ended.then(() => running.delete(started));
    return started;
  }

  return {
    directory,
    run,
    done: (args, options) => run(args, options).ended,
    async serve(args = [], options) {
      const server = run(["serve", "--json", ...args], options);
      const [line] = await server.says(/^\{"version".*\}$/m);
      return { ...server, serving: JSON.parse(line) as Serving };
    },
    async leave() {
      for (const { child } of running) child.kill("SIGKILL");
      await Promise.all([...running].map(({ ended }) => ended));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function watch(child: ChildProcess): Running {
  let out = "";
  let err = "";
  const waiting = new Set<() => void>();
  const look = () => {
    for (const each of waiting) each();
  };
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    look();
  });
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    look();
  });
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (status, signal) => resolve({ status, signal, out, err }));
  });
  return {
    child,
    ended,
    out: () => out,
    err: () => err,
    says: (what) =>
      new Promise((resolve, reject) => {
        const check = () => {
          const found = what.exec(out) ?? what.exec(err);
          if (found === null) return;
          waiting.delete(check);
          resolve(found);
        };
        waiting.add(check);
        check();
        void ended.then(({ status }) =>
          reject(new Error(`ended with ${status} before it said ${what}:\n${out}${err}`)),
        );
      }),
  };
}
