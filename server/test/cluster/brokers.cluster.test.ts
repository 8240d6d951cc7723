// Bad days of a Kafka of three brokers: one of them is lost at a time, and what it led with it.
import { onTestFinished, test } from "vitest";
import { sleep, surviveBadDay } from "./bad-day.ts";
import { rolesApart as combination } from "./combinations.ts";
import { deploy } from "./deployment.ts";
import { form } from "./form.ts";
import { startOwnServices } from "./own-services.ts";

test("invariants 1 and 12: a broker of three is killed, leaders with it", {
  timeout: form.timeoutMs,
}, async () => {
  const own = await startOwnServices({ combination, brokers: 3, atEnd: onTestFinished });
  const deployment = await deploy({ combination, backing: own, atEnd: onTestFinished });
  const rounds = form.name === "long" ? 9 : 1;
  await surviveBadDay({
    fault: "one Kafka broker of three killed",
    combination,
    deployment,
    rounds,
    async happens(load) {
      for (let round = 0; round < rounds; round++) {
        const { server } = own.kafka[round % 3]!;
        await server.kill();
        // Without it: others lead what it led.
        await load.promises(20);
        await load.caughtUp();
        await server.up();
        await sleep(3_000);
      }
    },
  });
  await deployment.stop();
});
