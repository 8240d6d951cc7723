/**
 * CPU of processes, from /proc (Linux). Ours by thread: `schedstat` counts in nanoseconds what `stat` rounds to ticks
 * of 10 ms. The servers beside them in ticks, with what their ended children used.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** Microseconds by whose they are. */
export type Usage = Readonly<Record<string, number>>;

/** CPU time used so far. */
export interface Cpu {
  /** Of Carillon's processes: by thread where it is one on SQLite, else by its roles. */
  readonly ours: Usage;
  /** Of PostgreSQL, Redis and Kafka. */
  readonly servers: Usage;
}

const loadCore = 1;
export const serverCore = 0;
export const canPin = process.platform === "linux" && availableParallelism() > 1;
export const allCores = `0-${availableParallelism() - 1}`;

/** 100 a second on every Linux that Node runs on. */
const tickUs = 10_000;
const storeThread = /^store-/;

function threadsOf(pid: number): { readonly id: number; readonly name: string }[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => ({
    id: Number(id),
    name: readFileSync(`/proc/${pid}/task/${id}/comm`, "utf8").trim(),
  }));
}

/** The thread that runs the event loop, SQLite's workers, and the others: the collector's helpers and the like. */
export function readThreads(pid: number): {
  readonly main: number;
  readonly store: number;
  readonly other: number;
} {
  const used = { main: 0, store: 0, other: 0 };
  for (const { id, name } of threadsOf(pid)) {
    const us = Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ", 1)[0]) / 1_000;
    used[id === pid ? "main" : storeThread.test(name) ? "store" : "other"] += us;
  }
  return used;
}

export const readProcess = (pid: number): number => total(readThreads(pid));

/** A server's process with all that it started, ended ones included. */
export function readTree(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  // proc(5): the name, in parentheses, may hold spaces; utime, stime, cutime and cstime are fields 14 to 17 of all.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const own = fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * tickUs;
  const children = threadsOf(pid).flatMap(({ id }) =>
    readFileSync(`/proc/${pid}/task/${id}/children`, "utf8").split(" ").filter(Boolean).map(Number),
  );
  return children.reduce((sum, child) => sum + readTreeIfThere(child), own);
}

/** One that has ended meanwhile is counted with its parent. */
function readTreeIfThere(pid: number): number {
  try {
    return readTree(pid);
  } catch {
    return 0;
  }
}

/** What the whole machine has worked so far, in microseconds of one core; interrupts are nobody's. */
export function readMachineUs(): number {
  const [user, nice, system] = readFileSync("/proc/stat", "utf8").split(/\s+/).slice(1, 4).map(Number);
  return (user! + nice! + system!) * tickUs;
}

export const total = (usage: Usage): number => Object.values(usage).reduce((sum, each) => sum + each, 0);

const usageBetween = (before: Usage, after: Usage): Usage =>
  Object.fromEntries(Object.entries(after).map(([name, us]) => [name, us - (before[name] ?? 0)]));

export const cpuBetween = (before: Cpu, after: Cpu): Cpu => ({
  ours: usageBetween(before.ours, after.ours),
  servers: usageBetween(before.servers, after.servers),
});

const pin = (core: number, id: number, more: readonly string[] = []): void =>
  void execFileSync("taskset", [...more, "-pc", String(core), String(id)], { stdio: "ignore" });

/** SQLite's workers leave the server's core for the load's. */
export function pinStoreThreads(pid: number): void {
  if (!canPin) return;
  const workers = threadsOf(pid).filter(({ name }) => storeThread.test(name));
  if (workers.length === 0) throw new Error("the server's SQLite workers are not found by their names");
  for (const { id } of workers) pin(loadCore, id);
}

export function pinServer(pid: number): void {
  if (canPin) pin(serverCore, pid, ["-a"]);
}

export function pinLoad(): void {
  if (canPin) pin(loadCore, process.pid, ["-a"]);
}
