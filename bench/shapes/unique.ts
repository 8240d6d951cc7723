/** From HTTP to 1,000 clients, each its own user, each notification for one of them. */
import { embedded, kinds, scaled } from "../deployments.ts";
import { makeAudience } from "../load/audience.ts";
import { makeLedger } from "../load/ledger.ts";
import { notify } from "../load/notifications.ts";
import { openProducers } from "../load/producer.ts";
import { measure } from "../measure.ts";
import { describeCost, type Shape } from "../shape.ts";
import { pour, randomUsers } from "./accept.ts";
import { delivered } from "./delivered.ts";

const users = 1_000;
const batch = 100;
const requests = 100;

export const unique: Shape = {
  name: "unique",
  on: [...kinds, ...scaled],
  async run(start, deployment) {
    const server = await start();
    const ledger = makeLedger();
    const audience = makeAudience(server, ledger, users);
    await audience.connect();
    const producers = await openProducers(8, server);
    const cost = await measure(server, { warmUps: 4, count: 9 }, async () => {
      const arrived = delivered(ledger, requests * batch);
      await pour(producers, requests, (producer) => notify(producer, ledger, randomUsers(batch, users)));
      await arrived;
      return requests * batch;
    });
    const audit = ledger.audit(audience.places());
    audience.drop();
    for (const producer of producers) producer.close();
    return {
      audit,
      figures: [
        {
          name: "HTTP batches of 100 to 1,000 clients, CPU a notification",
          value: cost.allUs,
          unit: "us",
          bar: deployment === embedded ? { most: 27 } : undefined,
          beside: describeCost(cost),
        },
      ],
    };
  },
};
