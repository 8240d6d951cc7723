/** What a load shape is, and what it says. */
import type { Usage } from "./cpu.ts";
import type { Deployment } from "./deployments.ts";
import type { Audit } from "./load/ledger.ts";
import type { Cost } from "./measure.ts";
import type { Running } from "./running.ts";

export type Bar = { readonly most: number } | { readonly least: number };

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly bar?: Bar | undefined;
  /** How it came about: shares, rates, the load's own cost. */
  readonly beside: string;
}

export interface Result {
  readonly figures: readonly Figure[];
  /** Null where nothing is received. */
  readonly audit: Audit | null;
}

export interface Shape {
  readonly name: string;
  /** The deployments that it is for. */
  readonly on: readonly Deployment[];
  /**
   * `start` starts the deployment, with options of Node's for the first distributor where they are needed; what it
   * started is stopped afterwards.
   */
  run(start: (nodeOptions?: readonly string[]) => Promise<Running>, deployment: Deployment): Promise<Result>;
}

export const percent = (share: number): string => `${Math.round(share * 100)}%`;
const us = (value: number): string => value.toFixed(value < 10 ? 2 : 1);

const describeUsage = (usage: Usage): string =>
  Object.entries(usage)
    .map(([name, value]) => `${name} ${us(value)}`)
    .join(" + ");

export function describeCost(cost: Cost): string {
  const servers = Object.keys(cost.servers).length === 0 ? "" : ` beside ${describeUsage(cost.servers)}`;
  return (
    `${describeUsage(cost.ours)}${servers} us, ${Math.round(cost.unitsPerSecond).toLocaleString("en")}/s; ` +
    `of a core: ours ${percent(cost.oursBusy)}, servers ${percent(cost.serversBusy)}, ` +
    `load ${percent(cost.loadBusy)} (${us(cost.loadUs)} us), others ${percent(cost.othersBusy)}`
  );
}
