import { expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { Failure } from "../../src/errors.ts";
import { openSqliteSource, openSqliteTarget } from "../../src/store/sqlite/transfer/open.ts";
import type { TransferTarget } from "../../src/store/transfer.ts";
import { fillDirectory } from "./fill.ts";
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

test("ended at any page, with others on their way, it goes on without a loss", {
  timeout: 120_000,
}, async () => {
  const from = makeEmbedded();
  await fillDirectory(from.directory, { notifications: 200, streams: 9, inOne: 60, subscriptions: 5 });
  for (const failing of [0, 1, 3, 4, 8, 14]) {
    const into = makeEmbedded();
    const source = await openSqliteSource(from.directory);
    const target = await openSqliteTarget(into.directory);
    let puts = 0;
    const broken: TransferTarget = {
      ...target,
      put: (kind, copies) =>
        puts++ === failing ? Promise.reject(new Failure("corrupt", "broken")) : target.put(kind, copies),
    };
    // Each look at the clock finds it late, so that a place is kept whenever one may be.
    let now = 0;
    const clock = { ...systemClock, now: () => (now += 60_000) };
    await expect(move({ source, target: broken, pageRows: 10, clock })).rejects.toThrow("broken");
    expect(await move({ source, target, pageRows: 10, clock }), `put ${failing}`).toMatchObject({
      is: "done",
    });
    await source.amend("promotion", '{"is":"serving"}');
    await source.close();
    await target.close();
  }
});
