// Stores on PostgreSQL, and what is beside them, damaged in each way and named for it.
import { expect, onTestFinished, test } from "vitest";
import { services } from "../../../test/services.ts";
import { examine } from "../../src/doctor.ts";
import { apply, dayMs, records } from "../../src/store/conformance/suite.ts";
import { openPostgres } from "../../src/store/postgres/open.ts";
import { ask, clockAhead, type Databases, makeDatabases } from "./postgres-stage.ts";

async function makeStore(servers: number): Promise<Databases> {
  const made = await makeDatabases(servers);
  onTestFinished(() => made.remove());
  const store = await openPostgres({ urls: made.urls, identityWindowMs: dayMs });
  await apply(store.streams, ...records("user:a", 20), ...records("topic:t", 5));
  await store.stop();
  return made;
}

async function notWell(urls: readonly string[], ...args: string[]): Promise<string[]> {
  const findings = await examine({
    args: ["--postgres-url", urls.join(","), "--data-directory", "/nonexistent/carillon", ...args],
    isThorough: true,
  });
  return findings
    .filter(({ is, check }) => is !== "well" && check !== "signing-key")
    .map(({ is, check }) => `${is} ${check}`);
}

const kafka = (): string[] => {
  const { kafka: brokers } = services();
  return brokers.length === 0 ? [] : ["--kafka-brokers", brokers.join(",")];
};

test("a store that is as it should be, on one server and on two, with all that is beside it", async () => {
  const one = await makeStore(1);
  expect(await notWell(one.urls, "--redis-url", services().redis.join(","))).toEqual([]);
  const two = await makeStore(2);
  const unmade = `carillon-doctor-${Date.now()}`;
  expect(await notWell(two.urls, ...kafka(), "--kafka-topic", unmade)).toEqual(
    kafka().length === 0 ? [] : ["warning kafka"],
  );
});

test("a hole in a stream, a lost part, a day without a partition", async () => {
  const { urls, run } = await makeStore(1);
  await run("DELETE FROM notifications WHERE seq = 3");
  expect(await notWell(urls)).toEqual(["wrong seqs"]);
  await run("UPDATE streams SET trimmed = 3; UPDATE parts SET state = 'gone' WHERE part = 7");
  expect(await notWell(urls)).toEqual(["wrong parts"]);
  await run("UPDATE parts SET state = 'frozen' WHERE part = 7");
  expect(await notWell(urls)).toEqual(["warning moving"]);
  await run("UPDATE parts SET state = 'here' WHERE part = 7");
  const [day] = await ask<{ name: string }>(
    urls[0]!,
    "SELECT to_char((now() AT TIME ZONE 'UTC') + interval '1 day', 'YYYYMMDD') AS name",
  );
  await run(`DROP TABLE notifications_${day!.name}`);
  expect(await notWell(urls)).toEqual(["warning days"]);
});

test("servers of different epochs and stores, and a database that holds none", async () => {
  const two = await makeStore(2);
  await ask(two.urls[1]!, "UPDATE meta SET epoch = epoch + 1");
  expect(await notWell(two.urls, ...kafka())).toContain("wrong epoch");
  const other = await makeStore(1);
  expect(await notWell([two.urls[0]!, other.urls[0]!], ...kafka())).toContain("wrong store");
  const empty = await makeDatabases(1);
  onTestFinished(() => empty.remove());
  expect(await notWell(empty.urls)).toEqual(["warning schema"]);
});

test("a newer schema, and services that can't be reached", async () => {
  const { urls, run } = await makeStore(1);
  await run("UPDATE carillon_schema SET version = 999");
  expect(await notWell(urls)).toEqual(["wrong schema"]);
  expect(await notWell(["postgres://nobody@127.0.0.1:1/none"])).toEqual(["wrong reachable"]);
  expect(await notWell(urls, "--redis-url", "redis://127.0.0.1:1", "--kafka-brokers", "127.0.0.1:1")).toEqual(
    ["wrong schema", "wrong redis", "wrong kafka"],
  );
});

test("a clock that is ahead moves days, not doctors: only the server's own clock is looked at", async () => {
  const { urls, run } = await makeStore(1);
  await run(clockAhead(2 * dayMs));
  expect(await notWell(urls)).toEqual([]);
});
