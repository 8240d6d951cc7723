import { encodeBase64url } from "@carillon/protocol/base64url";
import { crc32 } from "@carillon/protocol/crc32";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Before, decodeBefore, encodeBefore } from "./before.ts";

const seq = fc.oneof(fc.nat(300), fc.maxSafeNat());
const place = fc.tuple(seq, seq).map(([a, b]) => ({ seq: Math.max(a, b), next: Math.min(a, b) }));
const before: fc.Arbitrary<Before> = fc.record({
  epoch: fc.nat(255),
  places: fc
    .uniqueArray(fc.tuple(fc.nat(2 ** 31 - 1), place), { maxLength: 257, selector: ([tag]) => tag })
    .map((entries) => new Map(entries)),
});

test("a place is what it was, whatever its streams", () => {
  fc.assert(
    fc.property(before, (one) => {
      expect(decodeBefore(encodeBefore(one))).toEqual(one);
    }),
  );
});

test("anything but what was made is refused: one value has one encoding", () => {
  const character = fc.constantFrom(..."AZaz09-_!=");
  fc.assert(
    fc.property(before, fc.nat(), character, (one, at, other) => {
      const token = encodeBefore(one);
      const place = at % token.length;
      const damaged = token.slice(0, place) + other + token.slice(place + 1);
      if (damaged !== token) expect(decodeBefore(damaged)).toBeNull();
      expect(decodeBefore(token.slice(0, place))).toBeNull();
      expect(decodeBefore(token + other)).toBeNull();
    }),
  );
});

test("whatever bytes have a good checksum are either such a place or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (random, begins) => {
      const bytes = Buffer.from([...(begins ? [66, 1, 0, 1] : []), ...random, 0, 0, 0, 0]);
      bytes.writeUInt32BE(crc32(bytes, bytes.length - 4), bytes.length - 4);
      const token = encodeBase64url(bytes, bytes.length);
      const read = decodeBefore(token);
      if (read !== null) expect(encodeBefore(read)).toBe(token);
    }),
  );
});

test("the largest has the length that is told", () => {
  const most = Number.MAX_SAFE_INTEGER;
  const places = new Map(
    Array.from({ length: 257 }, (_, at) => [2 ** 48 - 1 - at, { seq: most, next: most }] as const),
  );
  expect(encodeBefore({ epoch: 255, places })).toHaveLength(7_207);
});
