import { afterEach, expect, test, vi } from "vitest";
import { systemClock } from "./clock.ts";

afterEach(() => vi.restoreAllMocks());

test("a step of the wall clock forward is followed, a step back is not", () => {
  const before = systemClock.now();
  const wall = Date.now();
  vi.spyOn(Date, "now").mockReturnValue(wall + 3_600_000);
  const ahead = systemClock.now();
  expect(ahead - before).toBeGreaterThanOrEqual(3_599_000);
  vi.spyOn(Date, "now").mockReturnValue(wall - 3_600_000);
  expect(systemClock.now()).toBeGreaterThanOrEqual(ahead);
});
