import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * A process, told from every other that had or will have its number: by when it started. Numbers are used again, and
 * a signal to one that was written down yesterday would reach a stranger.
 */
export interface Identity {
  readonly pid: number;
  readonly started: string;
}

interface Seen {
  readonly parent: number;
  readonly started: string;
}

/** Null: no such process, or one that ended, with every thread, and waits to be collected. */
function see(pid: number): Seen | null {
  return process.platform === "linux" ? seeInProc(pid) : seeByPs(pid);
}

function seeInProc(pid: number): Seen | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return null;
  }
  // proc(5): the name, in parentheses, may hold spaces; then state, parent, ..., starttime as the 22nd of all.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  if (fields[0] === "X" || (fields[0] === "Z" && !otherThreads(pid))) return null;
  return { parent: Number(fields[1]), started: `${boot()} ${fields[19]}` };
}

/**
 * A killed process looks ended as soon as its first thread is, but it holds its files, locks and ports until its last
 * one is.
 */
function otherThreads(pid: number): boolean {
  try {
    return readdirSync(`/proc/${pid}/task`).length > 1;
  } catch {
    return false;
  }
}

let bootId: string | undefined;

function boot(): string {
  bootId ??= readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  return bootId;
}

function seeByPs(pid: number): Seen | null {
  let line: string;
  try {
    line = execFileSync("ps", ["-o", "stat=,ppid=,lstart=", "-p", String(pid)], { encoding: "utf8" }).trim();
  } catch {
    return null;
  }
  const [state, parent, ...started] = line.split(/\s+/);
  return state?.startsWith("Z") ? null : { parent: Number(parent), started: started.join(" ") };
}

export function identify(pid: number): Identity | null {
  const seen = see(pid);
  return seen === null ? null : { pid, started: seen.started };
}

export function alive(process: Identity): boolean {
  return see(process.pid)?.started === process.started;
}

/** False: it has ended. */
export function signal(to: Identity, name: NodeJS.Signals): boolean {
  if (!alive(to)) return false;
  try {
    return process.kill(to.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}

function everyPid(): number[] {
  if (process.platform === "linux") return readdirSync("/proc").map(Number).filter(Number.isInteger);
  return execFileSync("ps", ["-A", "-o", "pid="], { encoding: "utf8" }).trim().split(/\s+/).map(Number);
}

function childrenOf(parent: Identity): Identity[] {
  const children: Identity[] = [];
  for (const pid of everyPid()) {
    const seen = see(pid);
    if (seen?.parent === parent.pid) children.push({ pid, started: seen.started });
  }
  return children;
}

/**
 * Stops it and its children in their places. PostgreSQL's are in sessions of their own, so a group's signal misses
 * them; the parent is stopped first, so that it makes no more of them meanwhile.
 */
export function freeze(parent: Identity): Identity[] {
  if (!signal(parent, "SIGSTOP")) return [];
  const all = [parent, ...childrenOf(parent)];
  for (const each of all) signal(each, "SIGSTOP");
  return all;
}

export function thaw(parent: Identity): void {
  if (!alive(parent)) return;
  for (const each of [...childrenOf(parent), parent]) signal(each, "SIGCONT");
}

/** As a power cut to that program alone: no process of it does another step. */
export function murder(parent: Identity): Identity[] {
  const all = freeze(parent);
  for (const each of all) signal(each, "SIGKILL");
  return all;
}

/** True once all have ended; false if that took longer. */
export async function gone(all: readonly Identity[], withinMs: number): Promise<boolean> {
  const until = performance.now() + withinMs;
  while (all.some(alive)) {
    if (performance.now() > until) return false;
    await sleep(20);
  }
  return true;
}
