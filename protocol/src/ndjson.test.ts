import { expect, test } from "vitest";
import { splitNdjson } from "./ndjson.ts";

test("lines are counted, blank ones skipped, either line end is taken", () => {
  expect(splitNdjson('{"a":1}\r\n\n  {"b":2}\n{"c":3}', 10)).toEqual([
    { line: 1, text: '{"a":1}' },
    { line: 3, text: '{"b":2}' },
    { line: 4, text: '{"c":3}' },
  ]);
  expect(splitNdjson("", 10)).toEqual([]);
  expect(splitNdjson("\n\n", 10)).toEqual([]);
});

test("more items than allowed are not split at all", () => {
  expect(splitNdjson("1\n2\n3\n", 3)?.length).toBe(3);
  expect(splitNdjson("1\n2\n3\n4", 3)).toBeNull();
});
