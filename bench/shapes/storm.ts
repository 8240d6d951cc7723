/** Clients drop and all come back at once, each with some missed in its own stream. */
import { type Deployment, embedded, kinds } from "../deployments.ts";
import { makeAudience } from "../load/audience.ts";
import { makeLedger } from "../load/ledger.ts";
import { notify } from "../load/notifications.ts";
import { openProducers } from "../load/producer.ts";
import { measureSlice } from "../measure.ts";
import { describeCost, type Shape } from "../shape.ts";
import { pour } from "./accept.ts";
import { delivered } from "./delivered.ts";

interface Storm {
  readonly name: string;
  readonly on: readonly Deployment[];
  readonly clients: number;
  readonly missed: number;
}

const batch = 500;

const makeStorm = ({ name, on, clients, missed }: Storm): Shape => ({
  name,
  on,
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
    await server.committed(ledger.sent());
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
    const what = `${clients.toLocaleString("en")} back at once with ${missed} missed`;
    return {
      audit,
      figures: [
        { name: `${what}, until the last has all`, value: seconds, unit: "s", beside: "" },
        { name: `${what}, CPU a client`, value: cost.allUs, unit: "us", beside: describeCost(cost) },
      ],
    };
  },
});

export const storm = makeStorm({ name: "storm", on: [embedded], clients: 5_000, missed: 50 });
export const reconnect = makeStorm({ name: "reconnect", on: kinds, clients: 1_000, missed: 20 });
