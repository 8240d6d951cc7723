// Bad days of the services: away, hanging, flushed, cut off in the middle of a word.
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { ask } from "../bad-days/ask.ts";
import type { Figures } from "./audit.ts";
import { type BadDay, sleep, surviveBadDay } from "./bad-day.ts";
import { rolesApart } from "./combinations.ts";
import { type Deployment, deploy } from "./deployment.ts";
import { form } from "./form.ts";
import type { Load } from "./load.ts";
import { type Guarded, type OwnServices, startOwnServices } from "./own-services.ts";

const { timeoutMs: timeout } = form;
const combination = rolesApart;
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

const services = {
  Kafka: (): Guarded => own.kafka[0] as Guarded,
  PostgreSQL: (): Guarded => own.postgres[0]!,
  Redis: (): Guarded => own.redis!,
};
const names = Object.keys(services) as (keyof typeof services)[];

const survive = async (
  fault: string,
  happens: (load: Load) => Promise<void>,
  more: Partial<BadDay> = {},
): Promise<Figures> => (await surviveBadDay({ fault, combination, deployment, happens, ...more })).figures;

/** A producer's patience is 20 s; it is told sooner, whatever is away. */
const toldWithinMs = 15_000;
/** Hubs are checked against heads at least so often. */
const checkedWithinMs = 60_000;

describe.each(form.awaysMs)("away for %i ms", (awayMs) => {
  test.each(names)("invariant 13: %s killed, and started again with its data", { timeout }, async (name) => {
    const { server } = services[name]();
    let wholeMs = 0;
    const figures = await survive(`${name} killed, away for ${awayMs / 1_000} s`, async () => {
      const startedAt = performance.now();
      await server.kill();
      await sleep(awayMs);
      if (name === "Kafka") await saysThatTheLogIsAway();
      await server.up();
      wholeMs = performance.now() - startedAt;
    });
    expectBounds(name, figures, wholeMs);
  });

  test.each(names)(
    "invariant 13: %s hangs: connections stay, and nobody answers",
    { timeout },
    async (name) => {
      const { proxy } = services[name]();
      const figures = await survive(`${name} hangs for ${awayMs / 1_000} s`, async () => {
        await proxy.hang();
        await sleep(awayMs);
        await proxy.pass();
      });
      expectBounds(name, figures, awayMs);
    },
  );
});

/** Whoever appends to it or reads it isn't ready any more; who only serves clients is. */
async function saysThatTheLogIsAway(): Promise<void> {
  for (const { roles, server } of deployment.members) {
    const readiness = async () => (await ask(`${server!.operationsUrl}/readyz`))?.json;
    if (roles.includes("distributor")) expect(await readiness()).toMatchObject({ ready: true });
    else
      await vi.waitUntil(
        async () => /Kafka/.test(((await readiness()) as { checks: { log: string } }).checks.log),
        { timeout, interval: 200 },
      );
  }
}

/** From the end of an outage until all is well again. */
const backMs = 30_000;

/** What can't be accepted is refused in time; what was accepted arrives, without the bus within the hubs' check. */
function expectBounds(name: keyof typeof services, figures: Figures, awayMs: number): void {
  expect(figures.refusals.unanswered).toBe(0);
  expect(figures.refusals.longestMs).toBeLessThan(toldWithinMs);
  expect(figures.delayMs.longest).toBeLessThan((name === "Redis" ? checkedWithinMs : awayMs) + backMs);
  if (name === "Redis") expect(figures.refusals.told).toBe(0);
}

test("invariant 9: what is sent while Redis is away, and nothing after it, arrives all the same", {
  timeout,
}, async () => {
  const { server } = services.Redis();
  const figures = await survive(
    "Redis away, and nothing sent after it",
    async (load) => {
      await server.kill();
      await load.promises(20);
    },
    { silentAfter: true },
  );
  await server.up();
  expect(figures.delayMs.longest).toBeLessThan(checkedWithinMs + backMs);
});

test("invariant 9: Redis flushed", { timeout }, async () => {
  const { server } = services.Redis();
  const { rounds } = form;
  const happens = async (load: Load) => {
    for (let round = 0; round < rounds; round++) {
      await command(Number(new URL(server.url).port), "FLUSHALL");
      await load.promises(5);
    }
  };
  await survive("Redis flushed", happens, { rounds });
});

function command(port: number, text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${text}\r\n`));
    socket.on("error", reject);
    socket.once("data", (answer) => {
      socket.destroy();
      resolve(answer.toString());
    });
  });
}

test("invariant 9: Redis killed in the middle of a reconnect storm", { timeout }, async () => {
  const { server } = services.Redis();
  await survive(
    "Redis killed while 315 clients come back at once",
    async (load) => {
      for (let round = 0; round < form.rounds / 2; round++) {
        for (const client of load.clients) client.cut();
        await server.kill();
        await load.promises(5);
        await server.up();
        await load.caughtUp();
      }
    },
    { rounds: form.rounds / 2, moreUsers: 60, paceMs: 300 },
  );
});

describe.each(names)("%s", (name) => {
  test("invariant 13: connections cut, again and again", { timeout }, async () => {
    const { proxy } = services[name]();
    await survive(
      `connections to ${name} cut`,
      async (load) => {
        for (let round = 0; round < 2 * form.rounds; round++) {
          proxy.cut();
          await load.promises(2);
        }
      },
      { rounds: 2 * form.rounds },
    );
  });

  test("invariants 5 and 13: answers and requests that end in their middle", { timeout }, async () => {
    const { proxy } = services[name]();
    await survive(
      `connections to ${name} truncated and half-closed`,
      async (load) => {
        for (let round = 0; round < form.rounds; round++) {
          // Zero bytes to the client: it was done, and the answer is lost.
          for (const [way, bytes] of [
            ["toClient", 0],
            ["toServer", 100],
            ["toClient", 30],
          ] as const) {
            await Promise.race([proxy.truncate(way, bytes), sleep(2_000)]);
            proxy.cut();
            await load.promises(2);
          }
          proxy.halfClose("toServer");
          await load.promises(2);
          proxy.halfClose("toClient");
          await load.promises(2);
          proxy.cut();
        }
      },
      { rounds: 5 * form.rounds },
    );
  });

  test("a slow network: 100 ms each way", { timeout }, async () => {
    const { proxy } = services[name]();
    await survive(`${name} behind 100 ms each way`, async (load) => {
      await proxy.delay({ toServer: 100, toClient: 100 });
      await load.promises(20);
      await proxy.pass();
    });
  });
});
