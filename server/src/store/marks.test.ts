import { isMarked, type Mark } from "@carillon/protocol/marks";
import fc from "fast-check";
import { expect, test } from "vitest";
import { changeMark, type OneChange, unmarked } from "./marks.ts";

const most = 24;

const change: fc.Arbitrary<OneChange> = fc.oneof(
  fc.record({ upTo: fc.nat(most + 4) }),
  fc.record({ seqs: fc.array(fc.nat(most + 4), { maxLength: 8 }), undo: fc.boolean() }),
);

const step = fc.record({ change, grown: fc.nat(3), trimmed: fc.constantFrom(0, 0, 0, 1, 4) });

test("a mark is the set of seqs that a naive one is, in its shortest form, and moves when the set does", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let mark: Mark = unmarked;
      const naive = new Set<number>();
      let [floor, head] = [0, 0];
      for (const { change, grown, trimmed } of steps) {
        head = Math.min(most, head + grown);
        floor = Math.min(head, floor + trimmed);
        const visible = () => Array.from({ length: head - floor }, (_, at) => floor + 1 + at);
        const before = visible().map((seq) => naive.has(seq));
        for (const seq of visible()) {
          if ("upTo" in change ? seq > change.upTo : !change.seqs.includes(seq)) continue;
          if ("undo" in change && change.undo) naive.delete(seq);
          else naive.add(seq);
        }
        const changed = changeMark(mark, change, { floor, head });
        const seen = visible().map((seq) => naive.has(seq));
        const moves = seen.some((is, at) => is !== before[at]);
        if (moves || "seqs" in change) expect(changed !== null).toBe(moves);
        if (changed === null || changed === "full") continue;
        mark = changed;
        expect(visible().map((seq) => isMarked(mark, seq))).toEqual(seen);
        expect(mark.upTo).toBeLessThanOrEqual(head);
        expect(mark.except).toEqual(mark.except.toSorted((one, other) => one - other));
        expect(mark.except).not.toContain(mark.upTo);
        expect(mark.except).not.toContain(Math.max(mark.upTo, floor) + 1);
        for (const seq of mark.except) expect(seq > floor && seq <= head).toBe(true);
      }
    }),
    { numRuns: 2_000 },
  );
});

test("256 single ones, and no more", () => {
  const extent = { floor: 0, head: 2_000 };
  const odd = Array.from({ length: 256 }, (_, at) => 2 * at + 3);
  const full = changeMark(unmarked, { seqs: odd, undo: false }, extent) as Mark;
  expect(full.except).toEqual(odd);
  expect(changeMark(full, { seqs: [1_000], undo: false }, extent)).toBe("full");
  expect(changeMark(full, { seqs: [3], undo: true }, extent)).toMatchObject({ except: odd.slice(1) });
  expect(changeMark(full, { seqs: [1, 2], undo: false }, extent)).toEqual({ upTo: 3, except: odd.slice(1) });
  expect(changeMark(full, { upTo: 100 }, extent)).toEqual({
    upTo: 101,
    except: odd.filter((seq) => seq > 101),
  });
  expect(changeMark(full, { seqs: [1_000], undo: false }, { ...extent, floor: 5 })).toMatchObject({
    except: [...odd.slice(2), 1_000],
  });
});
