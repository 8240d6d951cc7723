/** The machine alone; the other figures are to be read beside it: it doubles when other work shares the caches. */
import { embedded } from "../deployments.ts";
import { openBare } from "../load/bare.ts";
import { type Cost, medianCost } from "../measure.ts";
import { describeCost, type Shape } from "../shape.ts";

export const bare: Shape = {
  name: "bare",
  on: [embedded],
  async run() {
    const writer = await openBare();
    await writer.slice();
    const costs: Cost[] = [];
    for (let slice = 0; slice < 5; slice++) costs.push(await writer.slice());
    writer.close();
    const cost = medianCost(costs);
    return {
      audit: null,
      figures: [
        {
          name: "a bare write of 400 bytes to one of 1,000 sockets, CPU",
          value: cost.allUs,
          unit: "us",
          beside: describeCost(cost),
        },
      ],
    };
  },
};
