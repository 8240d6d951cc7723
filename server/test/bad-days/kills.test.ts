import { expect, test } from "vitest";
import { playKills } from "./kills.ts";

const seed = Date.now() % 2 ** 31;

test(`invariants 1, 3, 5, 6: what was promised survives 20 SIGKILLs, once and in order (seed ${seed})`, {
  timeout: 240_000,
}, async () => {
  const result = await playKills({ rounds: 20, seed });
  expect(result.promised).toBeGreaterThan(200);
});
