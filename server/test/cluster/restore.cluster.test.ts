// Bad days of whoever restores: PostgreSQL goes back to yesterday's backup, under a log that goes on.
import { execFileSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { Admin } from "@platformatic/kafka";
import { afterAll, beforeAll, expect, test } from "vitest";
import { eventually } from "../../../conformance/src/client/deadline.ts";
import { openSession } from "../../../conformance/src/client/open.ts";
import { makeServer, numbers } from "../../../conformance/src/server.ts";
import { ask } from "../bad-days/ask.ts";
import { ask as askPostgres } from "../store/postgres-stage.ts";
import { surviveBadDay } from "./bad-day.ts";
import { rolesApart as combination } from "./combinations.ts";
import { type Deployment, deploy, type Member, type StartOptions } from "./deployment.ts";
import { form } from "./form.ts";
import { type OwnServices, startOwnServices } from "./own-services.ts";

const { timeoutMs: timeout } = form;
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

const store = () => own.postgres[0]!.server;
const data = (): string => join(store().directory, "data");
const backup = (): string => join(store().directory, "backup");
const copy = (from: string, to: string): void => {
  rmSync(to, { recursive: true, force: true });
  execFileSync("cp", ["-a", from, to]);
};

async function backUp(): Promise<void> {
  await store().stop();
  copy(data(), backup());
  await store().up();
}

/** Whoever restores stops the deployment first. */
async function restore(): Promise<void> {
  await deployment.stop();
  await store().stop();
  copy(backup(), data());
  await store().up();
}

const directors = (): readonly Member[] => deployment.having("director");
const others = (): readonly Member[] => deployment.members.filter((member) => !directors().includes(member));
const startAll = (members: readonly Member[], options: StartOptions = {}): Promise<unknown> =>
  Promise.all(members.map((member) => member.start(options)));

async function heads(): Promise<number> {
  const [row] = await askPostgres<{ heads: string }>(store().url, "SELECT sum(head) AS heads FROM streams");
  return Number(row!.heads);
}

test("invariants 5 and 12: restored under a log that has the records since: the same seqs again", {
  timeout,
}, async () => {
  await surviveBadDay({
    fault: "PostgreSQL restored from a backup, the log has the records since",
    combination,
    deployment,
    async happens(load) {
      await backUp();
      await load.promises(40);
      await load.caughtUp();
      const reached = await heads();
      await restore();
      expect(await heads()).toBeLessThan(reached);
      await startAll(directors());
      await eventually("all is there again", async () => ((await heads()) >= reached ? true : null), 60_000);
      await startAll(others());
    },
  });
});

test("restored under a log that has not: refused, and with --accept-restore clients are told of a gap", {
  timeout,
}, async () => {
  const server = makeServer(() => ({ url: deployment.urls("receiver")[0]!, key: deployment.apiKey }));
  const user = await server.user();
  await server.store(user.stream, numbers(5));
  await backUp();
  await eventually("it takes notifications", async () => ((await takes()) ? true : null), 30_000);
  await server.store(user.stream, numbers(5, 6));
  const before = openSession("websocket", deployment.urls("distributor")[0]!, user);
  await before.notifications(10);
  await before.next("caught-up");
  const cursor = await eventually("a cursor", async () => before.cursor());
  before[Symbol.dispose]();

  await restore();
  await forgetRecords();
  const [one] = directors() as [Member];
  await one.start();
  const { operationsUrl } = one.server!;
  const unready = await eventually("it says so", async () => {
    const answer = await ask(`${operationsUrl}/readyz`);
    return answer?.status === 503 && answer.text.includes("--accept-restore") ? answer : null;
  });
  expect(unready.text).toMatch(/gone/);
  expect(one.said().join("\n")).toMatch(/accept-restore/);
  await one.stop();

  await startAll(directors(), { flags: ["--accept-restore"] });
  await startAll(others());
  for (const member of directors()) {
    await eventually("it is ready", async () =>
      (await ask(`${member.server!.operationsUrl}/readyz`))?.status === 200 ? true : null,
    );
  }
  using after = openSession("websocket", deployment.urls("distributor")[0]!, { ...user, cursor });
  expect(await after.next("gap")).toMatchObject({ stream: user.stream, reason: "epoch" });
  await server.store(user.stream, ["since"]);
  await eventually("what is new arrives", async () => {
    const shown = after.all.flatMap((frame) => (frame.type === "notification" ? [frame] : []));
    return shown.at(-1)?.event["data"] === "since" ? true : null;
  });

  async function takes(): Promise<boolean> {
    const { status } = await server.ask("POST", "/v1/notifications", {
      body: { to: "user:nobody", source: "/restore", type: "test" },
    });
    return status === 202;
  }
});

/** As retention would: everything up to now is gone from the log. */
async function forgetRecords(): Promise<void> {
  const bootstrapBrokers = [own.environment["CARILLON_KAFKA_BROKERS"]!];
  const admin = new Admin({ clientId: "test", bootstrapBrokers });
  try {
    const [topic] = await admin.listTopics();
    const parts = Array.from({ length: Number(own.environment["CARILLON_PARTS"]) }, (_, part) => part);
    const all = BigInt(-1);
    await admin.deleteRecords({
      topics: [{ name: topic!, partitions: parts.map((partition) => ({ partition, offset: all })) }],
    });
  } finally {
    await admin.close();
  }
}
