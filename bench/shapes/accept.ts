/** From HTTP to the store, all of it committed; nobody is connected. */
import { embedded, kinds, withKafka } from "../deployments.ts";
import { addressed } from "../load/audience.ts";
import { makeLedger } from "../load/ledger.ts";
import { type Addressed, notify } from "../load/notifications.ts";
import { openProducers, type Producer } from "../load/producer.ts";
import { measure } from "../measure.ts";
import { type Bar, describeCost, type Shape } from "../shape.ts";

const streams = 1_000;
const batch = 100;
const bars: Readonly<Record<string, Bar>> = {
  [embedded.name]: { least: 40_000 },
  [withKafka.name]: { least: 20_000 },
};

/** Notifications, `size` to a request, one request at a time on each connection. */
export async function pour(
  producers: readonly Producer[],
  requests: number,
  send: (producer: Producer) => Promise<void>,
): Promise<void> {
  let left = requests;
  const one = async (producer: Producer): Promise<void> => {
    while (left-- > 0) await send(producer);
  };
  await Promise.all(producers.map(one));
}

export const randomUsers = (count: number, among: number): Addressed[] =>
  Array.from({ length: count }, () => addressed(Math.floor(Math.random() * among)));

export const accept: Shape = {
  name: "accept",
  on: kinds,
  async run(start, deployment) {
    const server = await start();
    const ledger = makeLedger();
    const few = await openProducers(8, server);
    const batches = await measure(server, { warmUps: 4, count: 7 }, async () => {
      await pour(few, 100, (producer) => notify(producer, ledger, randomUsers(batch, streams)));
      await server.committed(ledger.sent());
      return 100 * batch;
    });
    const crowd = await openProducers(32, server);
    const crowded = await measure(server, { warmUps: 2, count: 5 }, async () => {
      await pour(crowd, 200, (producer) => notify(producer, ledger, randomUsers(batch, streams)));
      await server.committed(ledger.sent());
      return 200 * batch;
    });
    const many = await openProducers(16, server);
    const large = await measure(server, { warmUps: 1, count: 5 }, async () => {
      await pour(many, 32, (producer) => notify(producer, ledger, randomUsers(1_000, streams)));
      await server.committed(ledger.sent());
      return 32 * 1_000;
    });
    // A connection that waits too long is closed by the server.
    const producers = await openProducers(64, server);
    const singles = await measure(server, { warmUps: 2, count: 5 }, async () => {
      await pour(producers, 4_000, (producer) => notify(producer, ledger, randomUsers(1, streams)));
      await server.committed(ledger.sent());
      return 4_000;
    });
    for (const producer of [...few, ...crowd, ...many, ...producers]) producer.close();
    return {
      audit: null,
      figures: [
        {
          name: "batches of 100 on 8 connections, per second of our CPU",
          value: 1e6 / batches.allUs,
          unit: "/s",
          bar: bars[deployment.name],
          beside: describeCost(batches),
        },
        {
          name: "batches of 100 on 32 connections, per second of our CPU",
          value: 1e6 / crowded.allUs,
          unit: "/s",
          bar: bars[deployment.name],
          beside: describeCost(crowded),
        },
        {
          name: "batches of 1,000 on 16 connections, CPU each",
          value: large.allUs,
          unit: "us",
          beside: describeCost(large),
        },
        {
          name: "one at a time on 64 connections, CPU each",
          value: singles.allUs,
          unit: "us",
          beside: describeCost(singles),
        },
      ],
    };
  },
};
