import fc from "fast-check";
import { expect, test } from "vitest";
import { openSqliteSource, openSqliteTarget } from "../../src/store/sqlite/transfer/open.ts";
import { history, live } from "./history.ts";
import { look } from "./portrait.ts";
import { makeEmbedded, move } from "./stage.ts";

const walks = 12;

test("invariants 3, 5, 6 and 7: any history is the same to every role after a move", {
  timeout: 120_000,
}, async () => {
  const histories = fc.array(history, { minLength: walks, maxLength: walks, size: "max" });
  await fc.assert(
    fc.asyncProperty(histories, async (some) => {
      const from = makeEmbedded();
      await from.using((store) => live(store, some, from.advance));
      const into = makeEmbedded();
      into.advance(from.aheadMs());
      const source = await openSqliteSource(from.directory);
      const target = await openSqliteTarget(into.directory);
      expect(await move({ source, target, pageRows: 3 })).toMatchObject({ is: "done" });
      await source.close();
      await target.close();
      const seen = await into.using((store) => look(store, walks));
      expect(seen).toEqual(await from.using((store) => look(store, walks)));
    }),
    { numRuns: 2, endOnFailure: true },
  );
});
