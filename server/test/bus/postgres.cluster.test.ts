import { randomUUID } from "node:crypto";
import { Client } from "pg";
import { afterAll, beforeAll } from "vitest";
import { services } from "../../../test/services.ts";
import { examineBus } from "../../src/bus/conformance/bus.ts";
import { makePostgresBus } from "../../src/bus/postgres/open.ts";
import { systemClock } from "../../src/clock.ts";

const [url] = services().postgres;
const events = { troubled() {}, recovered() {}, dropped() {} };
const deployment = randomUUID();
const admin = new Client({ connectionString: url! });

beforeAll(() => admin.connect());
afterAll(() => admin.end());

/** Ends what has ever listened or notified on the channel of this test. */
async function cut(): Promise<void> {
  await admin.query(
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = ANY($1)",
    [["subscriber", "publisher"].map((what) => `carillon-${deployment}-${what}`)],
  );
}

examineBus("postgres", {
  capabilities: { interrupt: cut, crossesProcesses: true, carries: "heads" },
  make: () => makePostgresBus({ url: url!, deployment, clock: systemClock, patienceMs: 30_000, events }),
});
