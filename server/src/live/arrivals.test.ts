import { expect, test } from "vitest";
import { makeManualClock } from "../../test/manual-clock.ts";
import { makeArrivals } from "./arrivals.ts";

test("twice the rate at once is let in, and the rate from then on", () => {
  const clock = makeManualClock();
  const { admit } = makeArrivals(10, clock);
  const admitted = (tries: number) => Array.from({ length: tries }, admit).filter((later) => later === null);
  expect(admitted(50)).toHaveLength(20);
  clock.advance(1_000);
  expect(admitted(50)).toHaveLength(10);
});

test("those sent away are spread over as long as it takes to let them in, a minute at most", () => {
  const clock = makeManualClock();
  const { admit } = makeArrivals(10, clock, () => 1);
  const later = Array.from({ length: 2_000 }, admit);
  expect(later[20]).toBe(2_000);
  expect(later[20 + 100]).toBe(1_000 + 10_100);
  expect(later.at(-1)).toBe(61_000);
  clock.advance(60_000);
  for (let at = 0; at < 20; at++) admit();
  expect(admit()).toBeLessThan(61_000 + 80_000);
});
