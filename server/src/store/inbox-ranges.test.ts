import { isMarked, type Mark } from "@carillon/protocol/marks";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Range, rangesOf } from "./inbox-ranges.ts";

const seq = fc.integer({ min: 0, max: 40 });
const mark: fc.Arbitrary<Mark> = fc.record({
  upTo: seq,
  except: fc.uniqueArray(fc.integer({ min: 1, max: 40 })).map((some) => some.sort((a, b) => a - b)),
});

const seqsOf = (ranges: readonly Range[]): number[] =>
  ranges.flatMap(({ low, high }) => Array.from({ length: high - low + 1 }, (_, at) => high - at));

test("ranges hold what the marks allow and nothing else, the newest first, none touching another", () => {
  fc.assert(
    fc.property(
      fc.record({ unread: fc.boolean(), archived: fc.constantFrom("without", "only", "with") }),
      fc.record({ read: mark, archive: mark }),
      seq,
      seq,
      (filter, marks, floor, from) => {
        const expected: number[] = [];
        for (let at = from; at > floor; at--) {
          const [read, archived] = [isMarked(marks.read, at), isMarked(marks.archive, at)];
          if (filter.unread && (read || archived)) continue;
          if (filter.archived === "with" || archived === (filter.archived === "only")) expected.push(at);
        }
        const ranges = rangesOf(filter, marks, floor, from);
        expect(seqsOf(ranges)).toEqual(expected);
        for (const [at, { high }] of ranges.entries())
          expect(high).toBeLessThan((ranges[at - 1]?.low ?? Number.POSITIVE_INFINITY) - 1);
      },
    ),
    { numRuns: 1_000 },
  );
});
