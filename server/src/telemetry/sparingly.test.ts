import { expect, test } from "vitest";
import { sparingly } from "./sparingly.ts";

test("the first is said at once, a flood is counted", () => {
  let now = 0;
  const said: unknown[] = [];
  const say = sparingly({ now: () => now }, 1_000, (reason, kept) => said.push([reason, kept]));
  for (const reason of ["a", "b", "c"]) say(reason);
  now = 1_000;
  say("d");
  now = 1_999;
  say("e");
  now = 2_000;
  say("f");
  expect(said).toEqual([
    ["a", 0],
    ["d", 2],
    ["f", 1],
  ]);
});
