// Bad days of the processes: killed, frozen, deposed, restarted one by one, with clocks apart.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeDice } from "../bad-days/dice.ts";
import { ask } from "../store/postgres-stage.ts";
import { sleep, surviveBadDay } from "./bad-day.ts";
import { postgresAlone, postgresAndRedis, rolesApart, twoShards } from "./combinations.ts";
import { type Deployment, deploy, type Member } from "./deployment.ts";
import { form } from "./form.ts";
import { type OwnServices, startOwnServices } from "./own-services.ts";
import { watchProgress, whatIsWrong } from "./progress-watch.ts";

const { timeoutMs: timeout } = form;
/** 15 s, and what a busy machine takes. */
const takenOverWithinMs = 20_000;

const several = [postgresAlone, postgresAndRedis, rolesApart];

describe.each(form.name === "long" ? [...several, twoShards] : several)("$name", (combination) => {
  const atEnd: (() => void | Promise<void>)[] = [];
  let own: OwnServices;
  let deployment: Deployment;

  beforeAll(async () => {
    const end = (run: () => void | Promise<void>) => void atEnd.push(run);
    own = await startOwnServices({ combination, atEnd: end });
    deployment = await deploy({ combination, backing: own, atEnd: end });
  }, 180_000);

  afterAll(async () => {
    for (const run of atEnd.splice(0).reverse()) await run();
  }, 60_000);

  test("invariants 1, 3, 5, 6, 13: SIGKILL of any process, over and over", { timeout }, async () => {
    const dice = makeDice(Date.now());
    await surviveBadDay({
      fault: "SIGKILL of a process, any role",
      combination,
      deployment,
      rounds: form.rounds,
      async happens(load) {
        for (let round = 0; round < form.rounds && load.ledger.violations.length === 0; round++) {
          await load.promises(1 + dice.int(20));
          const member = deployment.members[(round + dice.int(2)) % deployment.members.length]!;
          await member.kill();
          await sleep(dice.int(1_500));
          await member.start();
        }
      },
    });
  });

  test("a rolling restart, one process at a time: nobody loses anything or sees it again", {
    timeout,
  }, async () => {
    await surviveBadDay({
      fault: "rolling restart of every process",
      combination,
      deployment,
      rounds: deployment.members.length,
      async happens(load) {
        for (const member of deployment.members) {
          expect(await member.stop(), member.said().join("\n")).toBe(0);
          await member.start();
          await load.promises(5);
        }
      },
    });
  });

  const whole = combination.kafka || form.name === "long";
  test.skipIf(!whole)("two nodes' clocks five minutes apart", { timeout }, async () => {
    const preload = new URL("./clock-ahead.ts", import.meta.url).href;
    for (const [at, member] of deployment.members.entries()) {
      await member.stop();
      const SKEW_MS = String(at % 2 === 0 ? 150_000 : -150_000);
      await member.start({ preload, environment: { SKEW_MS } });
    }
    await surviveBadDay({
      fault: "clocks five minutes apart",
      combination,
      deployment,
      async happens(load) {
        for (const client of load.clients) client.cut();
        await load.promises(30);
      },
    });
    for (const member of deployment.members) {
      await member.stop();
      await member.start();
    }
  });

  test.skipIf(!combination.kafka)(
    "invariant 12: a director that was frozen is fenced, and its successor isn't blocked",
    { timeout },
    async () => {
      const [frozen] = deployment.having("director") as [Member];
      const { url } = own.postgres[0]!.server;
      await watchProgress(url);
      const { figures } = await surviveBadDay({
        fault: `SIGSTOP of a director for ${form.frozenMs / 1_000} s, then SIGCONT`,
        combination,
        deployment,
        async happens(load) {
          await load.promises(20);
          frozen.freeze();
          await sleep(form.frozenMs);
          // Before it is thawed: what was accepted since has arrived, by its successor.
          await load.caughtUp();
          frozen.thaw();
          await load.promises(40);
        },
      });
      expect(figures.delayMs.longest).toBeLessThan(takenOverWithinMs);
      expect(await whatIsWrong(url)).toEqual([]);
    },
  );

  test.skipIf(!combination.kafka)(
    "invariant 12: directors that all believe that they own a part: one of them writes",
    { timeout },
    async () => {
      const { url } = own.postgres[0]!.server;
      await watchProgress(url);
      await surviveBadDay({
        fault: "every lease gone, over and over: several directors own a part",
        combination,
        deployment,
        rounds: 2 * form.rounds,
        async happens(load) {
          for (let round = 0; round < 2 * form.rounds; round++) {
            await ask(url, "DELETE FROM leases");
            await sleep(1_500);
            await load.promises(1);
          }
        },
      });
      expect(await whatIsWrong(url)).toEqual([]);
    },
  );
});
