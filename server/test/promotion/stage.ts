/** Embedded stores to promote from and to, and a promotion of the real thing without a command around it. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { type Ended, type Promotion, promote } from "../../src/promotion/flow.ts";
import { makeFaults } from "../../src/store/sqlite/faults.ts";
import { openSqlite } from "../../src/store/sqlite/open.ts";
import type { StoreBackend } from "../../src/store/store.ts";
import { windowMs } from "./history.ts";

export interface Embedded {
  readonly directory: string;
  /** How far its clock was moved. */
  aheadMs(): number;
  advance(ms: number): void;
  /** Serves it until `use` is done. */
  using<T>(use: (store: StoreBackend) => Promise<T>): Promise<T>;
}

export function makeEmbedded(): Embedded {
  const directory = mkdtempSync(join(tmpdir(), "carillon-promotion-"));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const faults = makeFaults();
  let ahead = 0;
  return {
    directory,
    aheadMs: () => ahead,
    advance(ms) {
      ahead += ms;
      faults.advance(ms);
    },
    async using(use) {
      const store = await openSqlite({ directory, identityWindowMs: windowMs, faults: faults.buffer });
      try {
        return await use(store);
      } finally {
        await store.stop();
      }
    },
  };
}

export const move = (promotion: Pick<Promotion, "source" | "target"> & Partial<Promotion>): Promise<Ended> =>
  promote({
    moves: true,
    facts: new Map(),
    tell: () => {},
    clock: systemClock,
    signal: new AbortController().signal,
    patienceMs: 0,
    waiting: () => {},
    ...promotion,
  });
