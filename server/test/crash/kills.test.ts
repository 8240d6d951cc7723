import { expect, test } from "vitest";
import { playKills } from "../bad-days/kills.ts";

const seed = Date.now() % 2 ** 31;

test(`invariants 1, 3, 5, 6: what was promised survives 200 SIGKILLs, once and in order (seed ${seed})`, {
  timeout: 1_800_000,
}, async () => {
  const result = await playKills({ rounds: 200, seed });
  console.log(`200 kills: ${JSON.stringify(result)}`);
  expect(result.promised).toBeGreaterThan(2_000);
});
