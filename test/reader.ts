/**
 * A reader who types what a page says, in a directory that looks like the checkout, so that data lands elsewhere, and
 * on free ports.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const checkout = fileURLToPath(new URL("..", import.meta.url));

export interface Typed {
  readonly child: ChildProcess;
  /** What it printed, on either stream, when it has ended. */
  readonly ended: Promise<{ readonly status: number | null; readonly text: string }>;
  /** Resolves once that is printed; rejects when it ends before. */
  says(what: RegExp): Promise<RegExpExecArray>;
}

export interface Reader {
  readonly home: string;
  /** Types it into a shell. What it starts may go on behind it. */
  type(command: string): Typed;
  /** Where the server that was started serves. */
  url(): string;
  /** Ends what still runs, and removes the directory. */
  leave(): Promise<void>;
}

export function makeReader(): Reader {
  const home = mkdtempSync(join(tmpdir(), "carillon-reader-"));
  for (const name of readdirSync(checkout)) {
    if (name !== ".git" && name !== "carillon-data") symlinkSync(join(checkout, name), join(home, name));
  }
  const started: ChildProcess[] = [];

  function type(command: string): Typed {
    const own = Object.entries(process.env).filter(([name]) => !/^(CARILLON|npm)_/i.test(name));
    const env = {
      ...Object.fromEntries(own),
      CARILLON_PORT: "0",
      CARILLON_OPERATIONS_PORT: "0",
      // What npm has to say of this machine's settings isn't on the page.
      NPM_CONFIG_LOGLEVEL: "error",
    };
    // In a process group of its own, so that all of it can be ended.
    const child = spawn("sh", ["-c", command], {
      cwd: home,
      env,
      detached: true,
      stdio: ["ignore", "pipe", "pipe"],
    });
    started.push(child);
    let text = "";
    const look = new Set<() => void>();
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (more: string) => {
        text += more;
        for (const each of look) each();
      });
    }
    const ended = new Promise<{ status: number | null; text: string }>((resolve) => {
      child.on("close", (status) => resolve({ status, text }));
    });
    const says = (what: RegExp) =>
      new Promise<RegExpExecArray>((resolve, reject) => {
        const check = () => {
          const found = what.exec(text);
          if (found !== null) resolve(found);
        };
        look.add(check);
        check();
        void ended.then(({ status }) =>
          reject(new Error(`ended with ${status} before it said ${what}:\n${text}`)),
        );
      });
    return { child, ended, says };
  }

  return {
    home,
    type,
    url: () =>
      (JSON.parse(readFileSync(join(home, "carillon-data/serving.json"), "utf8")) as { url: string }).url,
    async leave() {
      for (const child of started) {
        if (child.exitCode !== null || child.signalCode !== null) continue;
        const closed = new Promise((resolve) => child.once("close", resolve));
        process.kill(-child.pid!, "SIGKILL");
        await closed;
      }
      rmSync(home, { recursive: true, force: true });
    },
  };
}
