import { randomUUID } from "node:crypto";
import { createClient } from "@redis/client";
import { services } from "../../../test/services.ts";
import { examineBus } from "../../src/bus/conformance/bus.ts";
import { makeRedisBus } from "../../src/bus/redis/open.ts";
import { systemClock } from "../../src/clock.ts";

const urls = services().redis.slice(0, 1);
const noEvents = { troubled() {}, recovered() {}, dropped() {} };

/** Cuts every connection of one deployment, as a server does with clients that it has had enough of. */
async function cut(deployment: string): Promise<void> {
  const admin = createClient({ url: urls[0]! });
  await admin.connect();
  for (const { id, name } of await admin.clientList()) {
    if (name.startsWith(`carillon-${deployment}-`)) await admin.clientKill({ filter: "ID", id });
  }
  admin.destroy();
}

const deployment = randomUUID();

examineBus("redis", {
  capabilities: { interrupt: () => cut(deployment), crossesProcesses: true, carries: "rows" },
  make: () => makeRedisBus({ urls, deployment, clock: systemClock, patienceMs: 30_000, events: noEvents }),
});
