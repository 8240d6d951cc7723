/** What a piece of work cost the server and the load, as medians over slices of it. */
import { type Cpu, cpuBetween, readMachineUs } from "./cpu.ts";

export interface Measured {
  cpu(): Cpu;
}

export interface Cost {
  /** Microseconds of the server's CPU a unit: all threads, the main thread, SQLite's workers. */
  readonly allUs: number;
  readonly mainUs: number;
  readonly storeUs: number;
  /** Of the load's. */
  readonly loadUs: number;
  readonly unitsPerSecond: number;
  /** Shares of one core's time, 0 to 1. */
  readonly serverCoreBusy: number;
  readonly loadCoreBusy: number;
  /** What neither server nor load has used of the machine. */
  readonly othersBusy: number;
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** The `q`-quantile, 0 to 1; the value that so many are not above. */
export const quantile = (sorted: ArrayLike<number>, q: number): number =>
  sorted[Math.max(0, Math.ceil(sorted.length * q) - 1)]!;

/** `work` says how many units it did. */
export async function measureSlice(server: Measured, work: () => Promise<number>): Promise<Cost> {
  const before = server.cpu();
  const loadBefore = process.cpuUsage();
  const machineBefore = readMachineUs();
  const startedAt = performance.now();
  const units = await work();
  const wallUs = (performance.now() - startedAt) * 1_000;
  const used = cpuBetween(before, server.cpu());
  const { user, system } = process.cpuUsage(loadBefore);
  const load = user + system;
  const machine = readMachineUs() - machineBefore;
  return {
    allUs: used.all / units,
    mainUs: used.main / units,
    storeUs: used.store / units,
    loadUs: load / units,
    unitsPerSecond: units / (wallUs / 1e6),
    serverCoreBusy: (used.all - used.store) / wallUs,
    loadCoreBusy: (load + used.store) / wallUs,
    othersBusy: Math.max(0, machine - used.all - load) / wallUs,
  };
}

export const medianCost = (costs: readonly Cost[]): Cost => ({
  allUs: median(costs.map((cost) => cost.allUs)),
  mainUs: median(costs.map((cost) => cost.mainUs)),
  storeUs: median(costs.map((cost) => cost.storeUs)),
  loadUs: median(costs.map((cost) => cost.loadUs)),
  unitsPerSecond: median(costs.map((cost) => cost.unitsPerSecond)),
  serverCoreBusy: median(costs.map((cost) => cost.serverCoreBusy)),
  loadCoreBusy: median(costs.map((cost) => cost.loadCoreBusy)),
  othersBusy: median(costs.map((cost) => cost.othersBusy)),
});

/** Some slices to warm up, then the median of the others. */
export async function measure(
  server: Measured,
  slices: { readonly warmUps: number; readonly count: number },
  work: () => Promise<number>,
): Promise<Cost> {
  for (let at = 0; at < slices.warmUps; at++) await work();
  const costs: Cost[] = [];
  for (let at = 0; at < slices.count; at++) costs.push(await measureSlice(server, work));
  return medianCost(costs);
}
