import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

test.each([
  ["lisen", "listen"],
  ["sevre", "serve"],
  ["SEND", "send"],
  ["tokne", "token"],
])("%s: did you mean %s", (typed, meant) => {
  expect(nearest(typed, ["serve", "send", "listen", "token", "topic"])).toBe(meant);
});

test("nothing is suggested where nothing is close", () => {
  expect(nearest("frobnicate", ["serve", "send", "listen"])).toBeNull();
  expect(nearest("", ["serve"])).toBeNull();
});
