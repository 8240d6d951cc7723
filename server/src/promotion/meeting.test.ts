import { expect, test } from "vitest";
import { type Counts, copyKinds } from "../store/transfer.ts";
import { meet } from "./meeting.ts";
import { beginning, type Place, type Standing } from "./standing.ts";

const none = Object.fromEntries(copyKinds.map((kind) => [kind, 0])) as Counts;
const half: Place = { stage: "notifications", place: "[7]", rows: 7 };
const leaving: Standing = { is: "leaving", id: "one", to: "db" };
const left: Standing = { is: "left", id: "one", to: "db", at: "2026-01-01T00:00:00.000Z" };
const arriving: Standing = { is: "arriving", id: "one", from: "data", at: half };
const arrived: Standing = { is: "arrived", id: "one", from: "data" };
const other = <S extends Standing & { id: string }>(standing: S): S => ({ ...standing, id: "other" });

const verdict = (source: Standing | null, target: Standing | null, { moves = true, counts = none } = {}) =>
  meet({
    source: { name: "data", standing: source },
    target: { name: "db", standing: target, counts },
    id: "new",
    moves,
  });

test.each([null, { is: "serving" }, leaving, arrived] as const)("from %o into an empty store", (source) => {
  expect(verdict(source, null)).toEqual({ go: "copy", id: "new", from: beginning });
});

test("goes on where it was", () => {
  expect(verdict(leaving, arriving)).toEqual({ go: "copy", id: "one", from: half });
});

test("ends what was cut off between the marks of the two", () => {
  expect(verdict(left, arriving)).toEqual({ go: "copy", id: "one", from: half });
});

test("has nothing to do when it was done", () => {
  for (const target of [arrived, { is: "serving" } as const]) {
    expect(verdict(left, target)).toMatchObject({ go: "nowhere" });
  }
});

test("what was promoted is not promoted to another place as well", () => {
  for (const target of [null, other(arriving), other(arrived)]) {
    expect(verdict(left, target)).toMatchObject({ go: "no" });
  }
});

test("a target of another promotion is refused", () => {
  expect(verdict(other(leaving), arriving)).toMatchObject({ go: "no" });
  expect(verdict(leaving, other(arrived))).toMatchObject({ go: "no" });
});

test("a source that was served since is refused", () => {
  expect(verdict({ is: "serving" }, arriving)).toMatchObject({
    go: "no",
    why: expect.stringContaining("was served"),
  });
});

test("a target that was served, or holds data, is refused", () => {
  expect(verdict(null, { is: "serving" })).toMatchObject({
    go: "no",
    why: expect.stringContaining("served"),
  });
  expect(verdict(null, null, { counts: { ...none, keys: 1 } })).toMatchObject({ go: "no" });
});

test("half a store is no source", () => {
  expect(verdict(arriving, null)).toMatchObject({ go: "no" });
  expect(verdict(arriving, null, { moves: false })).toMatchObject({ go: "no" });
});

test("a copy leaves its source as it stands, and is never resumed", () => {
  for (const source of [{ is: "serving" } as const, arrived, left]) {
    expect(verdict(source, null, { moves: false })).toEqual({ go: "copy", id: "new", from: beginning });
    expect(verdict(source, arriving, { moves: false })).toMatchObject({ go: "no" });
  }
});
