/** One topic, 1,000 sessions: at 50 notifications a second, and with ten or more in flight to each session. */
import { embedded, kinds, twoDistributors } from "../deployments.ts";
import { makeAudience, topicNumber } from "../load/audience.ts";
import { openBare } from "../load/bare.ts";
import { type Ledger, makeLedger } from "../load/ledger.ts";
import { type Addressed, notify } from "../load/notifications.ts";
import { openProducers, type Producer } from "../load/producer.ts";
import { makeTopics } from "../load/topics.ts";
import { type Cost, measure, measureSlice, median, medianCost } from "../measure.ts";
import { describeCost, type Shape } from "../shape.ts";
import { pour } from "./accept.ts";
import { delivered } from "./delivered.ts";

const sessions = 1_000;
const topic: Addressed = { to: "topic:bench", stream: topicNumber };
const perSecond = 50;
const sliceSeconds = 1.5;
const inFlight = 10;

async function paced(producer: Producer, ledger: Ledger): Promise<void> {
  const count = perSecond * sliceSeconds;
  const startedAt = performance.now();
  for (let sent = 0; sent < count; sent++) {
    const dueMs = startedAt + (sent * 1_000) / perSecond - performance.now();
    if (dueMs > 0) await new Promise((resolve) => setTimeout(resolve, dueMs));
    await notify(producer, ledger, [topic]);
  }
}

export const fanOut: Shape = {
  name: "fan-out",
  on: [...kinds, twoDistributors],
  async run(start, deployment) {
    const isEmbedded = deployment === embedded;
    const server = await start();
    const ledger = makeLedger();
    const [producer] = await openProducers(1, server);
    const audience = makeAudience(server, ledger, sessions);
    await makeTopics(producer!, [{ topic: "bench", users: audience.users }]);
    await audience.connect();

    const writer = await openBare();
    const pushed: Cost[] = [];
    const written: Cost[] = [];
    for (let slice = 0; slice <= 5; slice++) {
      const bare = await writer.slice();
      const cost = await measureSlice(server, async () => {
        const deliveries = perSecond * sliceSeconds * sessions;
        const arrived = delivered(ledger, deliveries);
        await paced(producer!, ledger);
        await arrived;
        return deliveries;
      });
      if (slice === 0) continue;
      written.push(bare);
      pushed.push(cost);
    }
    writer.close();
    const slow = medianCost(pushed);
    const ratio = median(pushed.map((cost, at) => cost.allUs / written[at]!.allUs));

    const some = Array.from({ length: inFlight }, () => topic);
    const requests = 40;
    const producers = await openProducers(2, server);
    const fast = await measure(server, { warmUps: 1, count: 5 }, async () => {
      const deliveries = requests * inFlight * sessions;
      const arrived = delivered(ledger, deliveries);
      await pour(producers, requests, (each) => notify(each, ledger, some));
      await arrived;
      return deliveries;
    });

    const audit = ledger.audit(audience.places());
    audience.drop();
    for (const each of [producer!, ...producers]) each.close();
    return {
      audit,
      figures: [
        {
          name: "1,000 sessions at 50/s, CPU a delivery",
          value: slow.allUs,
          unit: "us",
          bar: isEmbedded ? { most: 7 } : undefined,
          beside: `${ratio.toFixed(2)} of a bare write, which took ${medianCost(written).allUs.toFixed(1)} us in between; ${describeCost(slow)}`,
        },
        {
          name: "1,000 sessions, ten or more in flight, CPU a delivery",
          value: fast.allUs,
          unit: "us",
          bar: isEmbedded ? { most: 2.5 } : undefined,
          beside: describeCost(fast),
        },
      ],
    };
  },
};
