/** 5,000 clients drop and all come back at once, each with 50 missed in its own stream. */
import { makeAudience } from "../load/audience.ts";
import { makeLedger } from "../load/ledger.ts";
import { notify } from "../load/notifications.ts";
import { openProducers } from "../load/producer.ts";
import { measureSlice } from "../measure.ts";
import { describeCost, type Shape } from "../shape.ts";
import { pour } from "./accept.ts";
import { delivered } from "./delivered.ts";

const clients = 5_000;
const missed = 50;
const batch = 500;

export const storm: Shape = {
  name: "storm",
  async run(start) {
    const server = await start();
    const ledger = makeLedger();
    const audience = makeAudience(server, ledger, clients);
    await audience.connect();
    audience.drop();
    const producers = await openProducers(4, server);
    let next = 0;
    await pour(producers, (clients * missed) / batch, async (producer) => {
      const some = Array.from({ length: batch }, () => audience.users[next++ % clients]!);
      await notify(producer, ledger, some);
    });
    const startedAt = performance.now();
    const cost = await measureSlice(server, async () => {
      const arrived = delivered(ledger, clients * missed);
      await audience.connect(clients);
      await arrived;
      return clients;
    });
    const seconds = (performance.now() - startedAt) / 1_000;
    const audit = ledger.audit(audience.places());
    audience.drop();
    return {
      audit,
      figures: [
        {
          name: "5,000 back at once with 50 missed, until the last has all",
          value: seconds,
          unit: "s",
          beside: "",
        },
        { name: "the same, CPU a client", value: cost.allUs, unit: "us", beside: describeCost(cost) },
      ],
    };
  },
};
