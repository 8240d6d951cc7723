import fc from "fast-check";
import { expect, test } from "vitest";
import { backoffMs } from "./backoff.ts";

test("doubles from the base up to the most, and jitters over the whole of it", () => {
  const backoff = { baseMs: 100, maxMs: 5_000 };
  expect([0, 1, 2, 5, 6, 1_000].map((attempt) => backoffMs(backoff, attempt, 1))).toEqual([
    100, 200, 400, 3_200, 5_000, 5_000,
  ]);
  fc.assert(
    fc.property(
      fc.nat(),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      (attempt, random) => {
        const waitMs = backoffMs(backoff, attempt, random);
        expect(waitMs).toBe(random * backoffMs(backoff, attempt, 1));
        expect(waitMs).toBeLessThan(5_000);
      },
    ),
  );
});
