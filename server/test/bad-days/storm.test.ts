import { expect, test } from "vitest";
import { playStorm } from "./storm.ts";

test("invariants 3 and 4: 1,000 clients drop and come back at once, each with 50 missed: all of it, once", {
  timeout: 120_000,
}, async () => {
  expect((await playStorm({ clients: 1_000, missed: 50 })).received).toBe(51_000);
});
