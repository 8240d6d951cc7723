/** What a load shape is, and what it says. */

import type { Audit } from "./load/ledger.ts";
import type { Cost } from "./measure.ts";
import type { Server } from "./server-process.ts";

export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  readonly bar?: { readonly most: number } | { readonly least: number };
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
  /** `start` starts a server, with options of Node's where they are needed; what it started is stopped afterwards. */
  run(start: (nodeOptions?: readonly string[]) => Promise<Server>): Promise<Result>;
}

export const percent = (share: number): string => `${Math.round(share * 100)}%`;
const us = (value: number): string => value.toFixed(value < 10 ? 2 : 1);

export const describeCost = (cost: Cost): string =>
  `main ${us(cost.mainUs)} + store ${us(cost.storeUs)} us, ${Math.round(cost.unitsPerSecond).toLocaleString("en")}/s; ` +
  `server's core ${percent(cost.serverCoreBusy)}, load's ${percent(cost.loadCoreBusy)} (load ${us(cost.loadUs)} us), others ${percent(cost.othersBusy)}`;
