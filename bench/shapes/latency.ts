/** From accept to client, in an open loop: at half of what goes through at most, and at 100 a second. */
import { embedded, kinds, postgresAndRedis, withKafka } from "../deployments.ts";
import { arrive, makePool } from "../load/arrivals.ts";
import { makeAudience } from "../load/audience.ts";
import { type Ledger, makeLedger } from "../load/ledger.ts";
import { notify } from "../load/notifications.ts";
import { openProducers, type Producer } from "../load/producer.ts";
import { type Cost, measure, measureSlice, quantile } from "../measure.ts";
import type { Running } from "../running.ts";
import { type Bar, type Figure, percent, type Shape } from "../shape.ts";
import { pour, randomUsers } from "./accept.ts";
import { delivered } from "./delivered.ts";

const users = 1_000;
const batch = 100;
const halfSeconds = 8;
const calmSeconds = 12;
const barsAtHalf: Readonly<Record<string, Bar>> = {
  [embedded.name]: { most: 10 },
  [postgresAndRedis.name]: { most: 25 },
  [withKafka.name]: { most: 50 },
};

/** Milliseconds from a request's time to each of its notifications at its client, sorted. */
async function latencies(
  producers: readonly Producer[],
  ledger: Ledger,
  { perSecond, seconds, size }: { perSecond: number; seconds: number; size: number },
): Promise<Float64Array> {
  const requests = Math.round((perSecond * seconds) / size);
  const startedAt = new Map<number, number>();
  const taken = new Float64Array(requests * size);
  let count = 0;
  const unwatch = ledger.watch((_, id) => {
    taken[count++] = performance.now() - startedAt.get(id)!;
  });
  const arrived = delivered(ledger, requests * size);
  const use = makePool(producers);
  await arrive(perSecond / size, requests, (at) => {
    use((producer) => notify(producer, ledger, randomUsers(size, users), (id) => startedAt.set(id, at)));
  });
  await arrived;
  unwatch();
  return taken.subarray(0, count).sort();
}

function figureOf(name: string, bar: Bar | undefined, { sorted, cost }: Timed): Figure {
  const show = (q: number): string => quantile(sorted, q).toFixed(2);
  return {
    name: `${name}, p99`,
    value: quantile(sorted, 0.99),
    unit: "ms",
    bar,
    beside:
      `${Math.round(cost.unitsPerSecond).toLocaleString("en")}/s; p50 ${show(0.5)}, p95 ${show(0.95)}, p99.9 ${show(0.999)}, max ${show(1)} ms of ${sorted.length.toLocaleString("en")}; ` +
      `of a core: ours ${percent(cost.oursBusy)}, servers ${percent(cost.serversBusy)}, load ${percent(cost.loadBusy)}, others ${percent(cost.othersBusy)}`,
  };
}

interface Timed {
  readonly sorted: Float64Array;
  readonly cost: Cost;
}

async function timed(server: Running, run: () => Promise<Float64Array>): Promise<Timed> {
  let sorted: Float64Array = new Float64Array();
  const cost = await measureSlice(server, async () => {
    sorted = await run();
    return sorted.length;
  });
  return { sorted, cost };
}

export const latency: Shape = {
  name: "latency",
  on: kinds,
  async run(start, deployment) {
    const server = await start();
    const ledger = makeLedger();
    const audience = makeAudience(server, ledger, users);
    await audience.connect();
    const pouring = await openProducers(4, server);
    const most = await measure(server, { warmUps: 3, count: 5 }, async () => {
      const arrived = delivered(ledger, 50 * batch);
      await pour(pouring, 50, (producer) => notify(producer, ledger, randomUsers(batch, users)));
      await arrived;
      return 50 * batch;
    });
    // Not before: see makePool.
    const producers = await openProducers(16, server);
    const half = Math.round(most.unitsPerSecond / 2);
    const atHalf = await timed(server, () =>
      latencies(producers, ledger, { perSecond: half, seconds: halfSeconds, size: batch }),
    );
    const calm = await timed(server, () =>
      latencies(producers, ledger, { perSecond: 100, seconds: calmSeconds, size: 1 }),
    );
    const audit = ledger.audit(audience.places());
    audience.drop();
    return {
      audit,
      figures: [
        figureOf("batches of 100 at half of the most", barsAtHalf[deployment.name], atHalf),
        figureOf("100/s, one at a time", deployment === embedded ? { most: 3 } : undefined, calm),
      ],
    };
  },
};
