import type { StreamName } from "@carillon/protocol/stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import { rangesOf } from "./ranges.ts";

const heads = fc.array(fc.oneof(fc.nat(20), fc.nat(30_000)), { maxLength: 40 });

test("every row of every stream is in one range, those beyond the head too, and no group is large", () => {
  fc.assert(
    fc.property(heads, (some) => {
      const streams = some.map((head, at) => ({ name: `user:${at}` as StreamName, head }));
      const groups = [...rangesOf(streams)];
      for (const group of groups) {
        expect(group.length).toBeLessThanOrEqual(1_000);
        const rows = group.map(({ stream, after, upTo }) => (upTo ?? some[Number(stream.slice(5))]!) - after);
        expect(rows.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(5_000);
      }
      const ranges = groups.flat();
      for (const { name } of streams) {
        const own = ranges.filter(({ stream }) => stream === name);
        expect(own[0]!.after).toBe(0);
        expect(own.at(-1)!.upTo).toBeNull();
        expect(own.slice(1).map(({ after }) => after)).toEqual(own.slice(0, -1).map(({ upTo }) => upTo));
      }
    }),
  );
});
