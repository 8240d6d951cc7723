import { decodeCursor, encodeCursor } from "@carillon/protocol/cursor";
import { expect, test } from "vitest";
import { moveDevice } from "./device-place.ts";

const places = (token: string) => [...(decodeCursor(token).entries ?? [])].sort(([a], [b]) => a - b);

test("a place is moved on in one stream, and stays in the others", () => {
  const token = encodeCursor([
    { tag: 1, epoch: 1, seq: 5 },
    { tag: 2, epoch: 1, seq: 7 },
  ]);
  expect(places(moveDevice(token, { tag: 2, epoch: 1, seq: 9 }))).toEqual([
    [1, { epoch: 1, seq: 5 }],
    [2, { epoch: 1, seq: 9 }],
  ]);
  expect(places(moveDevice(null, { tag: 3, epoch: 1, seq: 4 }))).toEqual([[3, { epoch: 1, seq: 4 }]]);
});

test("it never goes back within an epoch, and starts anew in another", () => {
  const token = encodeCursor([{ tag: 1, epoch: 1, seq: 5 }]);
  expect(moveDevice(token, { tag: 1, epoch: 1, seq: 3 })).toBe(token);
  expect(places(moveDevice(token, { tag: 1, epoch: 2, seq: 3 }))).toEqual([[1, { epoch: 2, seq: 3 }]]);
});

test("a full cursor makes room for one more stream", () => {
  const full = encodeCursor(Array.from({ length: 257 }, (_, at) => ({ tag: at, epoch: 1, seq: 1 })));
  const moved = places(moveDevice(full, { tag: 999, epoch: 1, seq: 1 }));
  expect(moved).toHaveLength(257);
  expect(moved.at(-1)?.[0]).toBe(999);
});
