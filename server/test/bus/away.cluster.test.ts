/** Sessions whose bus is away: what the distributor makes of the Redis driver's word. */
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import type { BusMessage } from "../../src/bus/driver.ts";
import { makeRedisBus } from "../../src/bus/redis/open.ts";
import { systemClock } from "../../src/clock.ts";
import { makeDirector } from "../../src/director/director.ts";
import { distributorDefaults, makeDistributor } from "../../src/distributor/distributor.ts";
import type { FeedSink } from "../../src/distributor/feed-sink.ts";
import { noMetrics } from "../../src/distributor/metrics.ts";
import { makeInlineLog } from "../../src/log/inline.ts";
import { openSqlite } from "../../src/store/sqlite/open.ts";
import { makeOwnRedis } from "./own-redis.ts";
import { makeWitness } from "./witness.ts";

const clock = systemClock;

/** Keeps the seqs that it was sent. */
function makeSeen() {
  const seqs: number[] = [];
  const waiting = new Map<number, () => void>();
  const sink: FeedSink = {
    encoding: { name: "websocket", frame: (_, json) => Buffer.from(json), cursor: () => null },
    send(bytes) {
      const { seq } = JSON.parse(bytes.toString()) as { seq: number };
      seqs.push(seq);
      waiting.get(seq)?.();
    },
    writable: () => true,
    opened() {},
    gap() {},
    followed() {},
    unfollowed() {},
    marked() {},
    unread() {},
    state() {},
    caughtUp() {},
    failed(reason) {
      throw reason;
    },
  };
  const shown = (seq: number): Promise<void> =>
    seqs.includes(seq) ? Promise.resolve() : new Promise((resolve) => waiting.set(seq, resolve));
  return { sink, seqs, shown };
}

async function raise(checkMs: number) {
  const redis = await makeOwnRedis();
  const directory = mkdtempSync(join(tmpdir(), "carillon-away-"));
  const store = await openSqlite({ directory, identityWindowMs: 86_400_000 });
  const witness = makeWitness();
  const bus = makeRedisBus({
    urls: [redis.url],
    deployment: randomUUID(),
    clock,
    events: witness.events,
    patienceMs: 30_000,
  });
  const log = makeInlineLog({ clock });
  const director = makeDirector({ log, streams: store.streams, bus, clock });
  const options = { ...distributorDefaults, checkMs, suspectMs: 500 };
  const distributor = makeDistributor({ ...store, bus, clock, metrics: noMetrics }, options);
  const carried: BusMessage[] = [];
  await bus.start({
    ...distributor.listener,
    message(message) {
      carried.push(message);
      distributor.listener.message(message);
    },
  });
  await log.start();
  await director.start();
  await distributor.start();
  onTestFinished(async () => {
    await log.stop();
    await director.stop();
    await distributor.stop();
    await bus.stop();
    await store.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  let serial = 0;
  return {
    redis,
    carried,
    ...witness,
    feed: (sink: FeedSink) => distributor.feed("ann", sink),
    async send() {
      const id = String(++serial);
      await log.append([
        {
          stream: "user:ann",
          key: id.padStart(22, "k"),
          digest: id.padStart(22, "d"),
          silent: false,
          collapseKey: null,
          expiresAt: null,
          receipt: false,
          acceptedAt: clock.now(),
          body: `{"id":"${id}"}`,
        },
      ]);
    },
  };
}

test("invariant 9: with the bus away from the start a session gets what it missed, then what is new by the checks, and goes live when the bus comes", async () => {
  const { redis, feed, send, carried, troubles, recoveries, until } = await raise(1_000);
  await until(() => troubles.length > 0);
  await send();
  const { sink, seqs, shown } = makeSeen();
  const session = feed(sink);
  onTestFinished(() => session.close());
  await session.open(null, null);
  await shown(1);
  await send();
  await shown(2);
  expect(carried).toEqual([]);
  await redis.up();
  await until(() => recoveries() === 1);
  await send();
  await shown(3);
  expect(carried.at(-1)).toMatchObject({ type: "rows", rows: [{ seq: 3 }] });
  expect(seqs).toEqual([1, 2, 3]);
});

test("invariant 9: what is stored while the bus is away is shown soon after it is back, long before the next check", async () => {
  const { redis, feed, send, troubles, recoveries, until } = await raise(3_600_000);
  await redis.up();
  await until(() => recoveries() === 1);
  const { sink, seqs, shown } = makeSeen();
  const session = feed(sink);
  onTestFinished(() => session.close());
  await session.open(null, null);
  await send();
  await shown(1);
  await redis.kill();
  await until(() => troubles.length > 0);
  await send();
  expect(seqs).toEqual([1]);
  await redis.up();
  await shown(2);
  expect(seqs).toEqual([1, 2]);
});
