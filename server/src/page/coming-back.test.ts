import { closeCodes } from "@carillon/protocol/close-codes";
import { expect, test } from "vitest";
import { backoffMs, verdictOfClose, verdictOfProblem } from "./coming-back.js";

const comesBackWithout = ["cursor-invalid", "too-many-sessions"];

test.each(Object.entries(closeCodes))("%s: comes back exactly where the spec says so", (name, { code }) => {
  const { does } = verdictOfClose(code, "");
  if (name === "cursor-invalid") expect(does).toBe("starts anew");
  else expect(does).toBe(code < 3_500 || comesBackWithout.includes(name) ? "comes back" : "ends");
});

test.each([1_001, 1_006, 1_011, 1_012, 1_013])("%i is a lost connection", (code) => {
  expect(verdictOfClose(code, "").does).toBe("comes back");
});

test("a bug of this page isn't repeated, and what is unknown and final ends", () => {
  for (const code of [1_002, 1_007, 3_999]) expect(verdictOfClose(code, "why").does).toBe("ends");
});

test("a token's end says what to do; as many sessions as allowed wait a minute", () => {
  expect(verdictOfClose(3_500, "").text).toBe(
    "Your token has expired. Ask for a new one, and sign in with it.",
  );
  expect(verdictOfClose(3_507, "").leastMs).toBe(60_000);
});

test.each([
  [401, "token-expired", "ends"],
  [401, "token-revoked", "ends"],
  [403, "origin-forbidden", "ends"],
  [408, "request-timeout", "comes back"],
  [429, "rate-limited", "comes back"],
  [503, "overloaded", "comes back"],
  [0, "", "comes back"],
])("a request answered with %i %s %s", (status, code, does) => {
  const verdict = verdictOfProblem({ status, code, title: "T", detail: "d", retryMs: 2_000 });
  expect(verdict.does).toBe(does);
  if (does === "comes back") expect(verdict.leastMs).toBe(2_000);
});

test("waits grow, are random, and have an end", () => {
  expect([0, 1, 2, 3].map((failures) => backoffMs(failures, 1))).toEqual([1_000, 2_000, 4_000, 8_000]);
  expect(backoffMs(10_000, 1)).toBe(30_000);
  expect(backoffMs(5, 0)).toBe(0);
});
