import fc from "fast-check";
import { expect, test } from "vitest";
import type { Row } from "../store/streams.ts";
import {
  covers,
  firstSeq,
  makeRing,
  makeRingBudget,
  type Ring,
  replaceRow,
  ringLength,
  rowAt,
} from "./ring.ts";

const row = (seq: number, size = 10): Row => ({
  seq,
  kind: 0,
  expiresAt: null,
  receipt: false,
  body: "x".repeat(size),
});

test("rings keep contiguous rows and share one budget, the oldest going first", () => {
  const sizes = fc.array(fc.tuple(fc.nat(3), fc.nat(400)), { maxLength: 600 });
  fc.assert(
    fc.property(
      sizes,
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 1, max: 50 }),
      (adds, limit, most) => {
        const budget = makeRingBudget(limit, most);
        const rings: Ring[] = [makeRing(), makeRing(), makeRing(), makeRing()];
        const heads = [0, 0, 0, 0];
        for (const [which, size] of adds) {
          const ring = rings[which] as Ring;
          const seq = (heads[which] as number) + 1;
          heads[which] = seq;
          budget.add(ring, row(seq, size));
          expect(budget.sizeBytes()).toBeLessThanOrEqual(limit);
          expect(ringLength(ring)).toBeLessThanOrEqual(most);
          const first = firstSeq(ring);
          if (first === undefined) continue;
          for (let at = first; at <= seq; at++) expect(rowAt(ring, at).seq).toBe(at);
          expect(covers(ring, first - 1)).toBe(false);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("a row that was taken back is replaced where it is held, and nowhere else", () => {
  const budget = makeRingBudget(1_000_000, 3);
  const ring = makeRing();
  for (let seq = 1; seq <= 5; seq++) budget.add(ring, row(seq));
  const tombstone: Row = { seq: 4, kind: 2, expiresAt: null, receipt: false, body: null };
  replaceRow(ring, tombstone);
  replaceRow(ring, { ...tombstone, seq: 1 });
  replaceRow(ring, { ...tombstone, seq: 9 });
  expect([3, 4, 5].map((seq) => rowAt(ring, seq).kind)).toEqual([0, 2, 0]);
});

test("a cleared ring gives its bytes back in time", () => {
  const budget = makeRingBudget(2_000, 100);
  const ring = makeRing();
  for (let seq = 1; seq <= 5; seq++) budget.add(ring, row(seq));
  budget.clear(ring);
  expect(firstSeq(ring)).toBeUndefined();
  for (let seq = 50; seq <= 80; seq++) budget.add(ring, row(seq));
  expect(budget.sizeBytes()).toBeLessThanOrEqual(2_000);
  expect(rowAt(ring, 80).seq).toBe(80);
});

test("rows beyond the budget are let go, however few a ring has", () => {
  const budget = makeRingBudget(100_000, 1_000);
  const rings = Array.from({ length: 20 }, () => makeRing());
  for (let seq = 1; seq <= 60; seq++) for (const ring of rings) budget.add(ring, row(seq, 10_000));
  const held = rings.flatMap(({ rows }) => rows).reduce((sum, { body }) => sum + (body?.length ?? 0), 0);
  expect(held).toBeLessThanOrEqual(100_000);
});
