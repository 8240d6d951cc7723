/** What 10,000 sessions cost to which nothing is sent: heartbeats every 25 s, and each hub's head asked for once a minute. */
import { embedded, postgresAndRedis } from "../deployments.ts";
import { makeAudience } from "../load/audience.ts";
import { makeLedger } from "../load/ledger.ts";
import { measureSlice } from "../measure.ts";
import { describeCost, type Shape } from "../shape.ts";

const sessions = 10_000;
const seconds = 75;

export const idle: Shape = {
  name: "idle",
  on: [embedded, postgresAndRedis],
  async run(start) {
    const server = await start();
    const ledger = makeLedger();
    const audience = makeAudience(server, ledger, sessions);
    await audience.connect();
    const cost = await measureSlice(server, async () => {
      await new Promise((resolve) => setTimeout(resolve, seconds * 1_000));
      return (sessions * seconds) / 60;
    });
    const audit = ledger.audit(audience.places());
    audience.drop();
    return {
      audit,
      figures: [
        {
          name: "an idle session of 10,000, CPU a minute",
          value: cost.allUs,
          unit: "us",
          beside: describeCost(cost),
        },
      ],
    };
  },
};
