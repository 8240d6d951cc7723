import { expect, onTestFinished, test } from "vitest";
import { openPostgres } from "../../src/store/postgres/open.ts";
import { openPostgresSource, openPostgresTarget } from "../../src/store/postgres/transfer/open.ts";
import { openSqliteSource, openSqliteTarget } from "../../src/store/sqlite/transfer/open.ts";
import { withBounds } from "../../src/store/store.ts";
import { clockAhead, makeDatabases } from "../store/postgres-stage.ts";
import { histories, live, someSeed, windowMs } from "./history.ts";
import { look } from "./portrait.ts";
import { makeEmbedded, move } from "./stage.ts";

const walks = 20;

test.each([1, 2])(
  "invariants 3, 5, 6 and 7: any history is the same on %i PostgreSQL servers, and back",
  {
    timeout: 180_000,
  },
  async (servers) => {
    const seed = someSeed();
    const from = makeEmbedded();
    await from.using((store) => live(store, histories(walks, seed), from.advance));
    const databases = await makeDatabases(servers);
    onTestFinished(() => databases.remove());
    const options = { urls: databases.urls, connections: 4, parts: 8 };

    const source = await openSqliteSource(from.directory);
    const target = await openPostgresTarget(options);
    const up = await move({ source, target, pageRows: 3 });
    expect(up, `SEED=${seed}`).toEqual({ is: "done", counts: await source.counts() });
    await source.close();
    await target.close();

    const back = makeEmbedded();
    back.advance(from.aheadMs());
    const snapshot = await openPostgresSource(options);
    const copy = await openSqliteTarget(back.directory);
    const down = await move({ source: snapshot, target: copy, moves: false, pageRows: 3 });
    expect(down, `SEED=${seed}`).toEqual({ is: "done", counts: await snapshot.counts() });
    await snapshot.close();
    await copy.close();

    const expected = await from.using((store) => look(store, walks));
    await databases.run(clockAhead(from.aheadMs()));
    const store = withBounds(
      await openPostgres({ urls: databases.urls, identityWindowMs: windowMs, parts: 8 }),
    );
    try {
      expect(await look(store, walks), `SEED=${seed}`).toEqual(expected);
    } finally {
      await store.stop();
    }
    expect(await back.using((one) => look(one, walks)), `SEED=${seed}`).toEqual(expected);
  },
);
