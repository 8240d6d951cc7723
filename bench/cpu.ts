/**
 * CPU of a process by thread, from /proc (Linux). `schedstat` counts in nanoseconds what `stat` rounds to ticks of
 * 10 ms.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";

/** CPU time used so far, in microseconds. */
export interface Cpu {
  /** Every thread of the process. */
  readonly all: number;
  /** The one that runs the event loop. */
  readonly main: number;
  /** SQLite's workers. */
  readonly store: number;
}

const loadCore = 1;
export const serverCore = 0;
export const canPin = process.platform === "linux" && availableParallelism() > 1;

/** Of /proc/stat; 100 a second on every Linux that Node runs on. */
const tickUs = 10_000;
const storeThread = /^store-/;

function threadsOf(pid: number): { readonly id: number; readonly name: string }[] {
  return readdirSync(`/proc/${pid}/task`).map((id) => ({
    id: Number(id),
    name: readFileSync(`/proc/${pid}/task/${id}/comm`, "utf8").trim(),
  }));
}

export function readCpu(pid: number): Cpu {
  let all = 0;
  let main = 0;
  let store = 0;
  for (const { id, name } of threadsOf(pid)) {
    const used = Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, "utf8").split(" ", 1)[0]) / 1_000;
    all += used;
    if (id === pid) main += used;
    else if (storeThread.test(name)) store += used;
  }
  return { all, main, store };
}

/** What the whole machine has worked so far, in microseconds of one core; interrupts are nobody's. */
export function readMachineUs(): number {
  const [user, nice, system] = readFileSync("/proc/stat", "utf8").split(/\s+/).slice(1, 4).map(Number);
  return (user! + nice! + system!) * tickUs;
}

export const cpuBetween = (before: Cpu, after: Cpu): Cpu => ({
  all: after.all - before.all,
  main: after.main - before.main,
  store: after.store - before.store,
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
