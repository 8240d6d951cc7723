import fc from "fast-check";
import { expect, test } from "vitest";
import { startPlace } from "./place.ts";

const stream = { epoch: 3, head: 100, first: 41 };

test("without a place a session starts from the oldest that is kept and its own", () => {
  expect(startPlace(null, stream, 0, 1_000)).toEqual({ pos: 40, gaps: [] });
  expect(startPlace(null, stream, 70, 1_000)).toEqual({ pos: 70, gaps: [] });
});

test("a place goes on where it stands", () => {
  expect(startPlace({ epoch: 3, seq: 60 }, stream, 0, 1_000)).toEqual({ pos: 60, gaps: [] });
  expect(startPlace({ epoch: 3, seq: 100 }, stream, 0, 1_000)).toEqual({ pos: 100, gaps: [] });
});

test("below what is kept, a gap says so", () => {
  expect(startPlace({ epoch: 3, seq: 10 }, stream, 0, 1_000)).toEqual({
    pos: 40,
    gaps: [{ reason: "trimmed", from: 11, to: 40 }],
  });
});

test("ahead of the head, the place is rewound", () => {
  expect(startPlace({ epoch: 3, seq: 101 }, stream, 0, 1_000)).toEqual({
    pos: 100,
    gaps: [{ reason: "rewound", from: 0, to: 100 }],
  });
});

test("a place of another epoch means nothing here", () => {
  expect(startPlace({ epoch: 2, seq: 60 }, stream, 50, 1_000)).toEqual({
    pos: 50,
    gaps: [{ reason: "epoch", from: 0, to: 50 }],
  });
  expect(startPlace({ epoch: 3, seq: 60 }, { ...stream, epoch: 259 }, 0, 1_000).gaps).toEqual([]);
});

test("more than is replayed is skipped, and said", () => {
  expect(startPlace({ epoch: 3, seq: 45 }, stream, 0, 10)).toEqual({
    pos: 90,
    gaps: [{ reason: "skipped", from: 46, to: 90 }],
  });
});

test("invariant 3: what lies between the client's place and the start is told as gaps, without a hole", () => {
  const streams = fc
    .tuple(fc.nat(500), fc.nat(500), fc.nat(3))
    .map(([head, trimmed, epoch]) => ({ head, first: Math.min(trimmed, head) + 1, epoch }));
  const places = fc.option(fc.record({ epoch: fc.nat(3), seq: fc.nat(600) }));
  fc.assert(
    fc.property(
      streams,
      places,
      fc.nat(500),
      fc.integer({ min: 1, max: 600 }),
      (of, place, since, replay) => {
        const from = Math.min(since, of.head);
        const { pos, gaps } = startPlace(place, of, from, replay);
        expect(pos).toBeLessThanOrEqual(of.head);
        expect(pos).toBeGreaterThanOrEqual(Math.min(of.first - 1, of.head));
        expect(of.head - pos).toBeLessThanOrEqual(replay);
        if (place === null) return;
        let told = place.epoch === of.epoch && place.seq <= of.head ? Math.max(place.seq, from) : null;
        for (const gap of gaps) {
          expect(gap.from).toBe(
            told === null || gap.reason === "epoch" || gap.reason === "rewound" ? gap.from : told + 1,
          );
          expect(gap.to).toBeGreaterThanOrEqual(gap.from - 1);
          told = gap.to;
        }
        expect(pos).toBe(told);
      },
    ),
  );
});
