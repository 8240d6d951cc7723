import { expect, test } from "vitest";
import { pageOf } from "./page.ts";

const pageOfNames = (pages: readonly string[][], limit: number) => pageOf(pages, limit, (name) => name);

test("the first of what the servers have, by name", () => {
  expect(pageOfNames([["a", "d", "e"], ["b", "c"], []], 3)).toEqual({ items: ["a", "b", "c"], next: "c" });
  expect(pageOfNames([["a", "d"], ["b"]], 3)).toEqual({ items: ["a", "b", "d"], next: null });
  expect(pageOfNames([[], []], 3)).toEqual({ items: [], next: null });
  expect(pageOfNames([["a", "b"]], 1)).toEqual({ items: ["a"], next: "a" });
});

test("in the order of code units, and what two servers have is told once", () => {
  expect(
    pageOfNames(
      [
        ["A", "a", "a:1"],
        ["a", "b"],
      ],
      3,
    ),
  ).toEqual({ items: ["A", "a", "a:1"], next: "a:1" });
});
