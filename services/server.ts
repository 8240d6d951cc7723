import { spawn } from "node:child_process";
import { closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Account } from "./account.ts";
import { alive, freeze, gone, type Identity, identify, murder, signal, thaw } from "./processes.ts";

export interface Command {
  readonly file: string;
  readonly arguments: readonly string[];
  /** Whom it runs as; null: as this process. */
  readonly account: Account | null;
}

export interface Definition {
  readonly name: string;
  /** How a client is told of it. */
  readonly url: string;
  /** Its own: `process.json` says who runs, `log` what it said, the rest is the server's. */
  readonly directory: string;
  /** Makes ready whatever a start needs, data directory and configuration, and says how. Repeatable. */
  readonly command: () => Promise<Command>;
  readonly answers: () => Promise<boolean>;
  /** What asks it to end in order; its data survives anything else as well. */
  readonly stopSignal: NodeJS.Signals;
}

/**
 * One real server process, to be started, and to be treated badly. All of it is idempotent, and knows the process by
 * what `process.json` says: a program that comes later goes on where this one ended.
 */
export interface Server {
  readonly name: string;
  readonly url: string;
  readonly directory: string;
  /** Null: it isn't running. */
  readonly pid: () => number | null;
  /** Resolves once it answers; throws with the end of its log if it ends, or is silent for 120 s. */
  readonly up: () => Promise<void>;
  readonly answers: () => Promise<boolean>;
  /** In order; by force after 8 s. Its data stays. */
  readonly stop: () => Promise<void>;
  /** SIGKILL to all of its processes; resolves when they are gone. */
  readonly kill: () => Promise<void>;
  /** SIGSTOP: connections stay, and the kernel takes new ones, but nobody says a word. */
  readonly pause: () => void;
  readonly resume: () => void;
}

interface Recorded extends Identity {
  readonly url: string;
}

const startMs = 120_000;
const stopMs = 8_000;

export function server(of: Definition): Server {
  const record = join(of.directory, "process.json");
  const log = join(of.directory, "log");

  function running(): Recorded | null {
    let said: Recorded;
    try {
      said = JSON.parse(readFileSync(record, "utf8")) as Recorded;
    } catch {
      return null;
    }
    return alive(said) ? said : null;
  }

  async function begin(): Promise<Recorded> {
    if (await of.answers()) {
      throw new Error(
        `${of.name}: another program answers at ${of.url}; move the ports, or end that program`,
      );
    }
    mkdirSync(of.directory, { recursive: true });
    const command = await of.command();
    const output = openSync(log, "a");
    const child = spawn(command.file, command.arguments, {
      cwd: of.directory,
      detached: true,
      stdio: ["ignore", output, output],
      ...(command.account === null ? {} : { uid: command.account.uid, gid: command.account.gid }),
    });
    closeSync(output);
    await new Promise((resolve, reject) => child.once("spawn", resolve).once("error", reject));
    child.unref();
    const identity = identify(child.pid!);
    if (identity === null) throw new Error(`${of.name} ended at once\n${lastWords()}`);
    const recorded = { ...identity, url: of.url };
    writeFileSync(record, JSON.stringify(recorded));
    return recorded;
  }

  async function up(): Promise<void> {
    const process = running() ?? (await begin());
    if (process.url !== of.url)
      throw new Error(`${of.name} is up elsewhere, at ${process.url}; stop it first`);
    const until = performance.now() + startMs;
    while (!(await of.answers())) {
      if (!alive(process)) throw new Error(`${of.name} ended before it answered\n${lastWords()}`);
      if (performance.now() > until) throw new Error(`${of.name} is silent after 120 s\n${lastWords()}`);
      await sleep(50);
    }
  }

  function lastWords(): string {
    if (!existsSync(log)) return "";
    const lines = readFileSync(log, "utf8").trimEnd().split("\n").slice(-20);
    return `The end of ${log}:\n  ${lines.join("\n  ")}`;
  }

  async function stop(): Promise<void> {
    const process = running();
    if (process === null) return;
    thaw(process);
    signal(process, of.stopSignal);
    if (!(await gone([process], stopMs))) await kill();
    rmSync(record, { force: true });
  }

  async function kill(): Promise<void> {
    const process = running();
    if (process === null) return;
    if (!(await gone(murder(process), stopMs))) throw new Error(`${of.name} (${process.pid}) doesn't end`);
  }

  return {
    name: of.name,
    url: of.url,
    directory: of.directory,
    pid: () => running()?.pid ?? null,
    up,
    answers: of.answers,
    stop,
    kill,
    pause: () => void onRunning(freeze),
    resume: () => void onRunning(thaw),
  };

  function onRunning(act: (process: Identity) => unknown): void {
    const process = running();
    if (process !== null) act(process);
  }
}
