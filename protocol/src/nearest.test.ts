import fc from "fast-check";
import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

const names = ["collapseKey", "expires", "silent", "subject", "to"];

test.each([
  ["colapseKey", "collapseKey"],
  ["COLLAPSEKEY", "collapseKey"],
  ["slient", "silent"],
  ["expire", "expires"],
  ["tt", "to"],
])("%s is meant to be %s", (typed, meant) => {
  expect(nearest(typed, names)).toBe(meant);
});

test("nothing is meant where nothing is close", () => {
  for (const typed of ["", "priority", "xyz", "x".repeat(10_000)]) expect(nearest(typed, names)).toBeNull();
});

test("a name means itself, and whatever is typed gets one of the names or none", () => {
  fc.assert(
    fc.property(fc.string(), (typed) => {
      const meant = nearest(typed, names);
      expect(meant === null || names.includes(meant)).toBe(true);
    }),
  );
  for (const name of names) expect(nearest(name, names)).toBe(name);
});
