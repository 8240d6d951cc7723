import fc from "fast-check";
import { expect, test } from "vitest";
import { spread } from "./spread.ts";

test("a new server gets its share, from those that have most, and nothing else moves", () => {
  const holders = new Map(Array.from({ length: 8 }, (_, part) => [part, part < 4 ? 0 : 1]));
  expect(spread(holders, 2)).toEqual([]);
  const moves = spread(holders, 3);
  expect(moves.map(({ to }) => to)).toEqual([2, 2]);
  expect(moves.map(({ part }) => holders.get(part))).toEqual([0, 1]);
});

test("whoever holds what: afterwards shares differ by one at most, and as few parts moved as can be", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.nat({ max: 5 }), { minLength: 1, maxLength: 200 }),
      (servers, owners) => {
        const holders = new Map(owners.map((owner, part) => [part, owner % servers]));
        const moves = spread(holders, servers);
        const after = new Map(holders);
        for (const { part, to } of moves) {
          expect(after.get(part)).not.toBe(to);
          after.set(part, to);
        }
        expect(new Set(moves.map(({ part }) => part)).size).toBe(moves.length);
        const counts = Array.from(
          { length: servers },
          (_, server) => [...after.values()].filter((owner) => owner === server).length,
        );
        expect(Math.max(...counts) - Math.min(...counts)).toBeLessThanOrEqual(1);
        const before = Array.from(
          { length: servers },
          (_, server) => [...holders.values()].filter((owner) => owner === server).length,
        ).sort((a, b) => b - a);
        const even = [...counts].sort((a, b) => b - a);
        const needed = before.reduce((sum, count, at) => sum + Math.max(0, count - even[at]!), 0);
        expect(moves).toHaveLength(needed);
      },
    ),
  );
});
