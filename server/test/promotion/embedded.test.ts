import { expect, test } from "vitest";
import { openSqliteSource, openSqliteTarget } from "../../src/store/sqlite/transfer/open.ts";
import { histories, live, someSeed } from "./history.ts";
import { look } from "./portrait.ts";
import { makeEmbedded, move } from "./stage.ts";

const walks = 20;

test("invariants 3, 5, 6 and 7: any history is the same to every role after a move", {
  timeout: 120_000,
}, async () => {
  const seed = someSeed();
  const from = makeEmbedded();
  await from.using((store) => live(store, histories(walks, seed), from.advance));
  const into = makeEmbedded();
  into.advance(from.aheadMs());
  const source = await openSqliteSource(from.directory);
  const target = await openSqliteTarget(into.directory);
  expect(await move({ source, target, pageRows: 3 }), `SEED=${seed}`).toMatchObject({ is: "done" });
  await source.close();
  await target.close();
  const seen = await into.using((store) => look(store, walks));
  expect(seen, `SEED=${seed}`).toEqual(await from.using((store) => look(store, walks)));
});
