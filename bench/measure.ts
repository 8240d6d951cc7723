/** What a piece of work cost the server and the load, as medians over slices of it. */
import { type Cpu, cpuBetween, readMachineUs, total, type Usage } from "./cpu.ts";

export interface Measured {
  cpu(): Cpu;
}

export interface Cost {
  /** Microseconds of our own processes' CPU a unit, together and by whose they are. */
  readonly allUs: number;
  readonly ours: Usage;
  /** Of the servers beside them, a unit. */
  readonly servers: Usage;
  /** Of the load's. */
  readonly loadUs: number;
  readonly unitsPerSecond: number;
  /** Shares of one core's time: ours, the servers', the load's, and the rest of the machine's. */
  readonly oursBusy: number;
  readonly serversBusy: number;
  readonly loadBusy: number;
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

const perUnit = (usage: Usage, units: number): Usage =>
  Object.fromEntries(Object.entries(usage).map(([name, us]) => [name, us / units]));

/** `work` says how many units it did. */
export async function measureSlice(server: Measured, work: () => Promise<number>): Promise<Cost> {
  const before = server.cpu();
  const loadBefore = process.cpuUsage();
  const machineBefore = readMachineUs();
  const startedAt = performance.now();
  const units = await work();
  const wallUs = (performance.now() - startedAt) * 1_000;
  const { ours, servers } = cpuBetween(before, server.cpu());
  const { user, system } = process.cpuUsage(loadBefore);
  const load = user + system;
  const machine = readMachineUs() - machineBefore;
  return {
    allUs: total(ours) / units,
    ours: perUnit(ours, units),
    servers: perUnit(servers, units),
    loadUs: load / units,
    unitsPerSecond: units / (wallUs / 1e6),
    oursBusy: total(ours) / wallUs,
    serversBusy: total(servers) / wallUs,
    loadBusy: load / wallUs,
    othersBusy: Math.max(0, machine - total(ours) - total(servers) - load) / wallUs,
  };
}

const medianUsage = (usages: readonly Usage[]): Usage =>
  Object.fromEntries(
    Object.keys(usages[0]!).map((name) => [name, median(usages.map((usage) => usage[name] ?? 0))]),
  );

export const medianCost = (costs: readonly Cost[]): Cost => ({
  allUs: median(costs.map((cost) => cost.allUs)),
  ours: medianUsage(costs.map((cost) => cost.ours)),
  servers: medianUsage(costs.map((cost) => cost.servers)),
  loadUs: median(costs.map((cost) => cost.loadUs)),
  unitsPerSecond: median(costs.map((cost) => cost.unitsPerSecond)),
  oursBusy: median(costs.map((cost) => cost.oursBusy)),
  serversBusy: median(costs.map((cost) => cost.serversBusy)),
  loadBusy: median(costs.map((cost) => cost.loadBusy)),
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
