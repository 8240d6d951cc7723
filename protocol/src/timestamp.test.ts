import fc from "fast-check";
import { expect, test } from "vitest";
import { parseDuration, parseTimestamp } from "./timestamp.ts";

test.each([
  ["1970-01-01T00:00:00Z", 0],
  ["1970-01-01T00:00:00.1239Z", 123],
  ["1985-04-12T23:20:50.52Z", 482196050520],
  ["1996-12-19T16:39:57-08:00", 851042397000],
  ["1990-12-31T23:59:60Z", 662688000000],
  ["2024-02-29T00:00:00+05:30", 1709145000000],
])("RFC 3339: %s", (text, ms) => {
  expect(parseTimestamp(text)).toBe(ms);
});

test.each([
  "",
  "now",
  "2026-01-01",
  "2026-01-01T00:00:00",
  "2026-01-01t00:00:00z",
  "2026-02-30T00:00:00Z",
  "2025-02-29T00:00:00Z",
  "2026-13-01T00:00:00Z",
  "2026-01-01T24:00:00Z",
  "2026-01-01T00:00:00.Z",
  "2026-01-01T00:00:00+24:00",
  " 2026-01-01T00:00:00Z",
])("no timestamp: %j", (text) => {
  expect(parseTimestamp(text)).toBeNull();
});

test("every moment that Date prints is read back", () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date(0), max: new Date("9999-12-31T23:59:59Z"), noInvalidDate: true }),
      (date) => {
        expect(parseTimestamp(date.toISOString())).toBe(date.getTime());
      },
    ),
  );
});

test("durations are whole seconds, minutes, hours or days", () => {
  expect(["1s", "10m", "24h", "7d", "999999s"].map(parseDuration)).toEqual([
    1000, 600_000, 86_400_000, 604_800_000, 999_999_000,
  ]);
  for (const text of ["", "0s", "10", "10 m", "1.5h", "-1s", "1w", "1000000s", "01s"]) {
    expect(parseDuration(text)).toBeNull();
  }
});
