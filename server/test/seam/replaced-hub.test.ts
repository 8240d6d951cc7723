import { tagOf } from "@carillon/protocol/cursor";
import { userStream } from "@carillon/protocol/stream";
import { expect, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { Feed, type FeedShared } from "../../src/distributor/feed.ts";
import type { FeedSink } from "../../src/distributor/feed-sink.ts";
import { Hub, type HubShared } from "../../src/distributor/hub.ts";
import { noMetrics } from "../../src/distributor/metrics.ts";
import { makeRingBudget } from "../../src/distributor/ring.ts";

test("a hub that is about to be replaced is asked for nothing, whoever wakes its followers", async () => {
  const stream = userStream("ann");
  let asked = 0;
  const reader = {
    unread: async () => ({ ...nothingUnread }),
    state: async () => ({ version: 0, state: "{}" }),
    async page() {
      asked++;
      if (asked > 3) throw new Error("the same page again and again");
      hub.gone = true;
      return { head: 5, first: 1, rows: [] };
    },
  };
  const hub = new Hub(stream, tagOf(stream), {
    clock: systemClock,
    reader,
    budget: makeRingBudget(1_000, 10),
    metrics: noMetrics,
    tracePush: null,
    dirty: () => {},
    lost: () => {},
  } as unknown as HubShared);
  hub.warmed({ head: 5, first: 1, rev: 1, receiptSeq: 0, epoch: 1 });
  const failures: unknown[] = [];
  const sink = { encoding: { name: "websocket" }, writable: () => true, opened() {}, caughtUp() {} };
  const feed = new Feed(
    "ann",
    { ...sink, failed: (reason: unknown) => failures.push(reason) } as unknown as FeedSink,
    {
      hubs: { acquire: async () => hub, release: () => {} },
      reader,
      metrics: noMetrics,
      subscriptions: async () => [],
      now: Date.now,
      replay: 1_000,
    } as unknown as FeedShared,
  );
  await feed.open(null, null);
  feed.wake();
  await new Promise((resolve) => setImmediate(resolve));
  expect(failures).toEqual([]);
  expect(asked).toBe(1);
});

const nothingUnread = { rev: 1, epoch: 1, streams: [] };
