/**
 * What it costs to tell another process of a row: CPU of who publishes and of who subscribes, for each delivery.
 *
 *   node bench/bus.ts [--redis redis://127.0.0.1:6379] [--postgres postgres://postgres@127.0.0.1/postgres] [--rounds 7]
 *
 * Batches of 100 rows of different streams, a body of 200 bytes each, as the director tells of a batch: one message a
 * stream, all in one turn. The subscriber is a process of its own and drops what it hears; at most 20 batches are on
 * their way. A round is 50,000 deliveries; figures are medians, after one round that isn't counted.
 */
import { fork } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import type { BusDriver, BusMessage } from "../server/src/bus/driver.ts";
import { makePostgresBus } from "../server/src/bus/postgres/open.ts";
import { makeRedisBus } from "../server/src/bus/redis/open.ts";
import { decodePayload, encodeMessage, wireVersion } from "../server/src/bus/wire.ts";
import { systemClock } from "../server/src/clock.ts";
import { median } from "./measure.ts";

const { values } = parseArgs({
  options: {
    redis: { type: "string" },
    postgres: { type: "string" },
    rounds: { type: "string", default: "7" },
    subscribe: { type: "boolean", default: false },
    deployment: { type: "string", default: `bench-${process.pid}` },
  },
});

const batchRows = 100;
const batchesUnderWay = 20;
/** The subscriber says so often how far it is: saying it costs something too. */
const reportEvery = 5 * batchRows;
const roundDeliveries = 50_000;
const streams = Array.from({ length: 2_000 }, (_, at) => `user:${at}` as const);
const body = JSON.stringify({ data: "x".repeat(189) });

function makeBus(): BusDriver {
  const events = {
    troubled: (server: string, problem: string) => console.error(server, problem),
    recovered() {},
    dropped: (count: number, why: string) => console.error(count, "dropped:", why),
  };
  const { redis, postgres, deployment } = values;
  const shared = { deployment, clock: systemClock, events };
  if (redis !== undefined) return makeRedisBus({ urls: [redis], ...shared });
  if (postgres !== undefined) return makePostgresBus({ url: postgres, ...shared });
  throw new Error("--redis or --postgres says where");
}

function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Says how many it has heard in all, and what that has cost. */
async function subscribe(): Promise<void> {
  const bus = makeBus();
  let heard = 0;
  await bus.start({
    message() {
      if (++heard % reportEvery === 0) process.send!({ heard, cpuUs: cpuUs() });
    },
    suspect() {},
  });
  await Promise.all(streams.map((stream) => bus.subscribe(stream)));
  process.send!({ heard: 0, cpuUs: cpuUs() });
  process.on("disconnect", () => process.exit());
}

let seq = 0;

function batch(): BusMessage[] {
  const now = systemClock.now();
  return Array.from({ length: batchRows }, () => {
    seq++;
    const rows = [{ seq, kind: 0, expiresAt: null, receipt: false, body }] as const;
    const stream = streams[seq % streams.length]!;
    return { type: "rows", stream, rows, acceptedAt: now, committedAt: now };
  });
}

interface Heard {
  readonly heard: number;
  readonly cpuUs: number;
}

async function publish(): Promise<void> {
  const bus = makeBus();
  await bus.start({ message() {}, suspect() {} });
  await bus.subscribe("user:none");
  const subscriber = fork(import.meta.filename, [
    ...process.argv.slice(2),
    "--subscribe",
    "--deployment",
    values.deployment,
  ]);
  let [last] = (await once(subscriber, "message")) as [Heard];
  let look = (): void => {};
  subscriber.on("message", (message: Heard) => {
    last = message;
    look();
  });
  const heard = (count: number): Promise<void> =>
    new Promise((resolve) => {
      look = () => void (last.heard >= count && resolve());
      look();
    });

  const costs: { published: number; subscribed: number; perSecond: number }[] = [];
  let sent = 0;
  for (let round = 0; round <= Number(values.rounds); round++) {
    const startedAt = performance.now();
    const ours = cpuUs();
    const theirs = last.cpuUs;
    for (let done = 0; done < roundDeliveries; done += batchRows) {
      await heard(sent - batchRows * (batchesUnderWay - 1));
      bus.publish(batch());
      sent += batchRows;
    }
    await heard(sent);
    if (round === 0) continue;
    costs.push({
      published: (cpuUs() - ours) / roundDeliveries,
      subscribed: (last.cpuUs - theirs) / roundDeliveries,
      perSecond: roundDeliveries / ((performance.now() - startedAt) / 1_000),
    });
  }
  subscriber.disconnect();
  await bus.stop();
  const published = median(costs.map((one) => one.published));
  const subscribed = median(costs.map((one) => one.subscribed));
  console.table([
    {
      "publisher us": published.toFixed(2),
      "subscriber us": subscribed.toFixed(2),
      "deliveries per second of CPU": Math.round(1e6 / (published + subscribed)),
      "deliveries/s": Math.round(median(costs.map((one) => one.perSecond))),
    },
  ]);
}

/** The wire format alone. */
function translate(): void {
  const messages = Array.from({ length: 20 }, batch).flat();
  const costs = Array.from({ length: 50 }, () => {
    const startedUs = cpuUs();
    const payloads = messages.map((message) => Buffer.from(wireVersion + encodeMessage(message)));
    const encodedUs = cpuUs();
    for (const payload of payloads) decodePayload(payload.toString());
    return { encode: encodedUs - startedUs, decode: cpuUs() - encodedUs };
  });
  const per = (cost: number[]): string => (median(cost) / messages.length).toFixed(2);
  console.table([
    {
      "encode us": per(costs.map(({ encode }) => encode)),
      "decode us": per(costs.map(({ decode }) => decode)),
    },
  ]);
}

if (values.subscribe) {
  await subscribe();
} else {
  await publish();
  translate();
}
