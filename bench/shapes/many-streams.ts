/** Accepting at 100,000 streams against 1,000: two servers with as many notifications each, measured in turn. */
import { embedded } from "../deployments.ts";
import { addressed } from "../load/audience.ts";
import { makeLedger } from "../load/ledger.ts";
import { notify } from "../load/notifications.ts";
import { openProducers } from "../load/producer.ts";
import { type Cost, measureSlice, median, medianCost } from "../measure.ts";
import type { Running } from "../running.ts";
import { describeCost, type Shape } from "../shape.ts";
import { pour, randomUsers } from "./accept.ts";

const few = 1_000;
const many = 100_000;
const batch = 100;
const slices = 7;

/** A server with `many` notifications in it, spread over `streams`; the answer is one slice of work on it. */
async function fill(server: Running, streams: number): Promise<() => Promise<Cost>> {
  const ledger = makeLedger();
  const producers = await openProducers(4, server);
  let next = 0;
  await pour(producers, many / 1_000, (producer) =>
    notify(
      producer,
      ledger,
      Array.from({ length: 1_000 }, () => addressed(next++ % streams)),
    ),
  );
  return () =>
    measureSlice(server, async () => {
      await pour(producers, 100, (producer) => notify(producer, ledger, randomUsers(batch, streams)));
      return 100 * batch;
    });
}

export const manyStreams: Shape = {
  name: "many-streams",
  on: [embedded],
  async run(start) {
    const ofFew = await fill(await start(), few);
    const ofMany = await fill(await start(), many);
    const costs: { few: Cost; many: Cost }[] = [];
    await ofFew();
    await ofMany();
    for (let slice = 0; slice < slices; slice++) costs.push({ few: await ofFew(), many: await ofMany() });
    return {
      audit: null,
      figures: [
        {
          name: "a notification at 100,000 streams, CPU against 1,000",
          value: median(costs.map((cost) => cost.many.allUs / cost.few.allUs)),
          unit: "x",
          bar: { most: 1.3 },
          beside: `100,000: ${describeCost(medianCost(costs.map((cost) => cost.many)))}`,
        },
      ],
    };
  },
};
