/** What clients see of retention: invariant 3, an explicit gap and nothing silent. */
import { encodeCursor, tagOf } from "@carillon/protocol/cursor";
import { expect, test } from "vitest";
import { connect } from "./client.ts";
import { raiseStage } from "./stage.ts";

const at = (seq: number): string => encodeCursor([{ tag: tagOf("user:ada"), epoch: 1, seq }]);

test("invariant 3: who comes back to below what is kept is told of the gap, and gets the rest", async () => {
  const stage = await raiseStage();
  await stage.send("user:ada", 1, 2, 3, 4);
  await stage.store.retention.retain(0, 3);
  await stage.send("user:ada", 5);
  const client = connect(stage.port, { query: `?cursor=${at(1)}` });
  expect(await client.next("gap")).toMatchObject({ stream: "user:ada", reason: "trimmed", from: 2, to: 3 });
  expect(await client.data(2)).toEqual([4, 5]);
  expect(await client.next("hello")).toMatchObject({ unread: { total: 2 } });
});

test("invariant 3: who stands behind what is kept is told of no gap, and of an emptied stream of nothing", async () => {
  const stage = await raiseStage();
  await stage.send("user:ada", 1, 2, 3, 4);
  const live = connect(stage.port, { query: `?cursor=${at(4)}` });
  await live.next("caught-up");
  await stage.store.retention.retain(0, 100);
  await stage.send("user:ada", 5);
  expect(await live.data(1)).toEqual([5]);
  const back = connect(stage.port, { query: `?cursor=${at(4)}` });
  expect(await back.data(1)).toEqual([5]);
  await back.next("caught-up");
  expect([...live.frames, ...back.frames].filter(({ type }) => type === "gap")).toEqual([]);
});

test("invariant 3: rows that go while they are paged are a gap, never a jump", async () => {
  const stage = await raiseStage();
  for (let sent = 0; sent < 1_000; sent += 100)
    await stage.send("user:ada", ...Array.from({ length: 100 }, (_, one) => sent + one));
  const client = connect(stage.port, { query: `?cursor=${at(0)}` });
  await client.next("hello");
  for (let step = 0; step < 10; step++) await stage.store.retention.retain(0, 80);
  await client.next("caught-up");
  let place = 0;
  for (const frame of client.frames) {
    if (frame.type === "gap") {
      expect(frame["from"]).toBe(place + 1);
      place = frame["to"] as number;
    } else if (frame.type === "notification") {
      expect(frame["prev"]).toBe(place);
      place = frame["seq"] as number;
    }
  }
  expect(place).toBe(1_000);
});
