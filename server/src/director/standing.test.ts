import { describe, expect, test } from "vitest";
import { standingOf } from "./standing.ts";

const place = (first: number, end: number, witnessed: number | null = null) => ({
  first: String(first),
  end: String(end),
  witnessed: witnessed === null ? null : String(witnessed),
});

describe("standing", () => {
  test("a log without offsets goes on, and so does a new part", () => {
    expect(standingOf(null, null)).toEqual({ kind: "goes-on", from: null });
    expect(standingOf(null, place(0, 0))).toEqual({ kind: "goes-on", from: null });
    expect(standingOf(null, place(0, 9))).toEqual({ kind: "goes-on", from: null });
  });

  test("a store that is where it was, or ahead of a late witness, goes on", () => {
    expect(standingOf("7", place(0, 9, 7))).toEqual({ kind: "goes-on", from: "7" });
    expect(standingOf("7", place(7, 7, 3))).toEqual({ kind: "goes-on", from: "7" });
    expect(standingOf("7", place(3, 9))).toEqual({ kind: "goes-on", from: "7" });
  });

  test("invariant 12: a restored store reads again what the log still has", () => {
    expect(standingOf("4", place(4, 9, 7))).toEqual({ kind: "replay", from: "4", until: "7" });
    expect(standingOf(null, place(0, 9, 7))).toEqual({ kind: "replay", from: "0", until: "7" });
    const beyondDoubles = "9007199254740993";
    expect(standingOf("9007199254740992", place(0, 9, 7))).toMatchObject({ kind: "diverged" });
    expect(
      standingOf("9007199254740992", { first: "0", end: beyondDoubles, witnessed: beyondDoubles }),
    ).toMatchObject({ kind: "replay", until: beyondDoubles });
  });

  test("invariant 12: what the log has no longer, or not yet, is for a person to decide", () => {
    expect(standingOf("4", place(5, 9, 7))).toMatchObject({ kind: "diverged", from: "5" });
    expect(standingOf("4", place(5, 9))).toMatchObject({ kind: "diverged", from: "5" });
    expect(standingOf(null, place(5, 9, 7))).toMatchObject({ kind: "diverged", from: "5" });
    expect(standingOf(null, place(5, 9))).toMatchObject({ kind: "diverged", from: "5" });
    expect(standingOf("12", place(0, 9, 7))).toMatchObject({ kind: "diverged", from: "9" });
  });
});
