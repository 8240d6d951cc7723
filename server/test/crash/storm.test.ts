import { expect, test } from "vitest";
import { playStorm } from "../bad-days/storm.ts";

test("invariants 3 and 4: 5,000 clients drop and come back at once, each with 50 missed: all of it, once", async () => {
  const result = await playStorm({ clients: 5_000, missed: 50 });
  console.log(`storm: ${JSON.stringify(result)}`);
  expect(result.received).toBe(255_000);
});
