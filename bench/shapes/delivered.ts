import type { Ledger } from "../load/ledger.ts";

/** What the bus lost comes with the next check of heads: within 60 s. */
const patienceMs = 75_000;

/** Resolves when so many more deliveries have arrived; what is late by then is for the audit. */
export function delivered(ledger: Ledger, count: number): Promise<void> {
  const wanted = ledger.deliveries() + count;
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(late);
      unwatch();
      resolve();
    };
    const late = setTimeout(end, patienceMs);
    const unwatch = ledger.watch((deliveries) => {
      if (deliveries >= wanted) end();
    });
  });
}
