import { expect, test } from "vitest";
import { play } from "./game.ts";

const seeds = Number(process.env["CARILLON_SEEDS"] ?? 2_000);
const first = Number(process.env["CARILLON_FIRST_SEED"] ?? 1);

test(`invariants 2, 3, 4, 6, 7, 9: the seam between missed and live has no gap and no repeat, ${seeds} seeds`, {
  timeout: 600_000,
}, async () => {
  let received = 0;
  for (let seed = first; seed < first + seeds; seed++) {
    await play(seed, 250).then(
      (count) => {
        received += count;
      },
      (cause: unknown) => {
        throw new Error(`seed ${seed}: ${(cause as Error).message}`, { cause });
      },
    );
  }
  expect(received).toBeGreaterThan(seeds * 20);
});
