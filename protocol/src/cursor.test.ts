import fc from "fast-check";
import { expect, test } from "vitest";
import cursors from "../vectors/cursors.json" with { type: "json" };
import streams from "../vectors/streams.json" with { type: "json" };
import { type CursorEntry, cursorEntriesMax, decodeCursor, encodeCursor, tagOf } from "./cursor.ts";
import type { StreamName } from "./stream.ts";

const entry = fc.record({
  tag: fc.integer({ min: 0, max: 2 ** 48 - 1 }),
  epoch: fc.integer({ min: 0, max: 255 }),
  seq: fc.oneof(fc.maxSafeNat(), fc.nat(1000), fc.constantFrom(0, 127, 128, 16383, 16384, 2 ** 53 - 1)),
});
const entries = fc.uniqueArray(entry, { maxLength: 40, selector: ({ tag }) => tag });
const placesOf = (list: readonly CursorEntry[]) =>
  new Map(list.map(({ tag, epoch, seq }) => [tag, { epoch, seq }]));

test("the tag of a stream is fixed for ever", () => {
  for (const { stream, tag } of streams.streams) {
    expect(
      tagOf(stream as StreamName)
        .toString(16)
        .padStart(12, "0"),
    ).toBe(tag);
  }
});

test("the token of places is fixed for ever", () => {
  for (const { places, token } of cursors.cursors) {
    const list = places.map(({ stream, epoch, seq }) => ({ tag: tagOf(stream as StreamName), epoch, seq }));
    expect(encodeCursor(list)).toBe(token);
    expect(decodeCursor(token).entries).toEqual(placesOf(list));
  }
});

test.each(cursors.refused)("refused, never read as a start: $what", ({ token }) => {
  expect(decodeCursor(token)).toEqual({ error: expect.any(String) });
});

test("what was encoded is decoded, whatever the order it came in", () => {
  fc.assert(
    fc.property(entries, (list) => {
      const token = encodeCursor(list);
      expect(decodeCursor(token).entries).toEqual(placesOf(list));
      expect(encodeCursor(list.toReversed())).toBe(token);
    }),
  );
});

test("one encoding for one value: what is decoded encodes to the same token", () => {
  const near = fc.tuple(entries, fc.nat(), fc.nat(63)).map(([list, at, digit]) => {
    const token = encodeCursor(list);
    const place = at % token.length;
    return token.slice(0, place) + alphabet[digit] + token.slice(place + 1);
  });
  fc.assert(
    fc.property(fc.oneof(near, fc.string(), fc.base64String()), (token) => {
      const { entries: decoded } = decodeCursor(token);
      if (decoded) expect(encodeCursor([...decoded].map(([tag, place]) => ({ tag, ...place })))).toBe(token);
    }),
    { numRuns: 2000 },
  );
});

test("any flipped bit and any cut is refused", () => {
  fc.assert(
    fc.property(entries, (list) => {
      const token = encodeCursor(list);
      for (let at = 0; at < token.length; at++) {
        expect(decodeCursor(token.slice(0, at)).error).toBeDefined();
        for (let bit = 0; bit < 6; bit++) {
          const flipped = alphabet[alphabet.indexOf(token.charAt(at)) ^ (1 << bit)];
          expect(decodeCursor(token.slice(0, at) + flipped + token.slice(at + 1)).error).toBeDefined();
        }
      }
    }),
    { numRuns: 30 },
  );
});

test("three streams take about 45 characters, 257 at most 5,150", () => {
  const places = (count: number, seq: number) =>
    Array.from({ length: count }, (_, i) => ({ tag: tagOf(`topic:${i}`), epoch: 1, seq: seq - i }));
  expect(encodeCursor(places(1, 1_000_000)).length).toBeLessThanOrEqual(22);
  expect(encodeCursor(places(3, 1_000_000)).length).toBeLessThanOrEqual(50);
  expect(encodeCursor(places(cursorEntriesMax, Number.MAX_SAFE_INTEGER)).length).toBeLessThanOrEqual(5150);
});

test("streams that share a tag keep the lower place: repeated, not missed", () => {
  const token = encodeCursor([
    { tag: 7, epoch: 1, seq: 90 },
    { tag: 3, epoch: 1, seq: 1 },
    { tag: 7, epoch: 1, seq: 5 },
  ]);
  expect(decodeCursor(token).entries?.get(7)).toEqual({ epoch: 1, seq: 5 });
});

test("the epoch is taken modulo 256", () => {
  expect(decodeCursor(encodeCursor([{ tag: 1, epoch: 258, seq: 1 }])).entries?.get(1)?.epoch).toBe(2);
});

test("what no session can hold is a bug of the caller", () => {
  const tooMany = Array.from({ length: cursorEntriesMax + 1 }, (_, tag) => ({ tag, epoch: 1, seq: 1 }));
  expect(() => encodeCursor(tooMany)).toThrow(RangeError);
  for (const seq of [-1, 0.5, Number.NaN, 2 ** 53]) {
    expect(() => encodeCursor([{ tag: 1, epoch: 1, seq }])).toThrow(RangeError);
  }
});

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
