/** The PostgreSQL bus behind connections that break, freeze and go to the wrong place. */
import { randomUUID } from "node:crypto";
import type { StreamName } from "@carillon/protocol/stream";
import { Client } from "pg";
import { expect, onTestFinished, test } from "vitest";
import { services } from "../../../test/services.ts";
import { makeEar } from "../../src/bus/conformance/suite.ts";
import type { BusMessage } from "../../src/bus/driver.ts";
import { makePostgresBus, type PostgresBusOptions } from "../../src/bus/postgres/open.ts";
import { systemClock } from "../../src/clock.ts";
import { makeRelay, type Relay } from "./relay.ts";
import { makeWitness } from "./witness.ts";

const head = (stream: StreamName, at: number): BusMessage => ({ type: "head", stream, head: at });
const ephemeral = (stream: StreamName, body: string): BusMessage => ({ type: "ephemeral", stream, body });

const [server] = services().postgres;
const deployment = randomUUID();

function through(relay: Relay): string {
  const url = new URL(server!);
  url.hostname = "127.0.0.1";
  url.port = String(relay.port);
  return url.href;
}

const relayed = (mended = true): Promise<Relay> => {
  const { hostname, port } = new URL(server!);
  return makeRelay({ host: hostname, port: Number(port) }, mended);
};

async function startBus(url: string, options: Partial<PostgresBusOptions> = {}) {
  const witness = makeWitness();
  const ear = makeEar();
  const bus = makePostgresBus({
    url,
    deployment,
    clock: systemClock,
    events: witness.events,
    patienceMs: 30_000,
    ...options,
  });
  onTestFinished(() => bus.stop());
  await bus.start(ear.listener);
  return { bus, ear, ...witness };
}

test("invariant 9: a server that was away makes what is subscribed suspect once it listens again", async () => {
  const relay = await relayed();
  const { bus, ear, troubles, recoveries, until } = await startBus(through(relay));
  await bus.subscribe("user:a");
  await until(() => recoveries() === 1);
  await relay.cut();
  await until(() => troubles.length > 0);
  await bus.subscribe("user:b");
  expect(ear.suspects).toEqual([]);
  await relay.mend();
  await Promise.all([ear.suspected("user:a"), ear.suspected("user:b")]);
  await until(() => recoveries() === 2);
  bus.publish([head("user:a", 3)]);
  await ear.heard(head("user:a", 3));
});

test("invariant 9: a stream that is wanted while the server is away is suspect once it listens", async () => {
  const relay = await relayed(false);
  const { bus, ear } = await startBus(through(relay));
  await Promise.all([bus.subscribe("user:a"), bus.subscribe("user:b")]);
  bus.unsubscribe("user:b");
  await relay.mend();
  await ear.suspected("user:a");
  expect(ear.suspects).toEqual(["user:a"]);
});

test("a server that hangs is given up: who subscribes meanwhile isn't held up, and all is suspect after it", async () => {
  const relay = await relayed();
  const { bus, ear, troubles, recoveries, until } = await startBus(through(relay), { beatMs: 100 });
  await bus.subscribe("user:a");
  await until(() => recoveries() === 1);
  relay.freeze();
  await bus.subscribe("user:b");
  await relay.connections(4);
  expect(troubles[0]).toContain("no sign of life for 300 ms");
  relay.thaw();
  await Promise.all([ear.suspected("user:a"), ear.suspected("user:b")]);
});

test("what was held back for longer than its time is not delivered when it passes at last", async () => {
  const relay = await relayed();
  const direct = await startBus(server!);
  await direct.bus.subscribe("user:a");
  const hasty = await startBus(through(relay), { patienceMs: 100, beatMs: 100 });
  await hasty.until(() => hasty.recoveries() === 1);
  relay.freeze();
  hasty.bus.publish([ephemeral("user:a", '"late"')]);
  await hasty.until(() => hasty.dropped.away === 1);
  relay.thaw();
  await hasty.until(() => hasty.recoveries() === 2);
  hasty.bus.publish([ephemeral("user:a", '"now"')]);
  await direct.ear.heard(ephemeral("user:a", '"now"'));
  expect(direct.ear.messages).toEqual([ephemeral("user:a", '"now"')]);
});

test("what is published while the server is away is dropped when its time has passed, and counted; heads may follow", async () => {
  const relay = await relayed();
  const { bus, ear, dropped, recoveries, until } = await startBus(through(relay), { patienceMs: 50 });
  await bus.subscribe("user:a");
  await until(() => recoveries() === 1);
  await relay.cut();
  bus.publish([head("user:a", 1), ephemeral("user:a", '"late"')]);
  await until(() => dropped.away === 2);
  await relay.mend();
  await until(() => recoveries() === 2);
  bus.publish([head("user:a", 3)]);
  await ear.heard(head("user:a", 3));
  // Unheard where the publisher was back before the subscriber, whose streams are suspect then.
  expect([[head("user:a", 3)], [head("user:a", 1), head("user:a", 3)]]).toContainEqual(ear.messages);
});

test("more than a notification carries goes in several; a message that fits none is dropped and counted", async () => {
  const { bus, ear, dropped } = await startBus(server!);
  await bus.subscribe("user:a");
  const streams = Array.from({ length: 2_000 }, (_, at) => `topic:${at}` as const);
  await Promise.all(streams.map((stream) => bus.subscribe(stream)));
  // "1euser:a 7986 " and 7,986 bytes: one short of 8,000.
  const most = (more: number) => ephemeral("user:a", JSON.stringify("é".repeat(3_991) + "x".repeat(more)));
  bus.publish([...streams.map((stream) => head(stream, 1)), most(1), most(2)]);
  await Promise.all(streams.map((stream) => ear.heard(head(stream, 1))));
  await ear.heard(most(1));
  expect(dropped).toEqual({ away: 0, full: 0, size: 1, unreadable: 0 });
});

test("what waits is bounded, and the rest dropped", async () => {
  const relay = await relayed(false);
  const { bus, dropped } = await startBus(through(relay), { waitingMost: 5 });
  bus.publish(Array.from({ length: 8 }, (_, at) => head(`user:${at}`, 1)));
  expect(dropped.full).toBe(3);
});

test("garbage on the channel is dropped and counted, and what follows is heard", async () => {
  const { bus, ear, dropped } = await startBus(server!);
  await bus.subscribe("user:a");
  const client = new Client({ connectionString: server! });
  await client.connect();
  for (const payload of ["", "2huser:a 1 ", "1x", "?not-mine", "1huser:b 1 "]) {
    await client.query("SELECT pg_notify($1, $2)", [`carillon_${deployment}`, payload]);
  }
  await client.end();
  bus.publish([head("user:a", 1)]);
  await ear.heard(head("user:a", 1));
  expect(ear.messages).toEqual([head("user:a", 1)]);
  expect(dropped.unreadable).toBe(3);
});

test("two deployments in one database don't hear each other", async () => {
  const [one, other] = [await startBus(server!), await startBus(server!, { deployment: "other" })];
  await Promise.all([one.bus.subscribe("user:a"), other.bus.subscribe("user:a")]);
  other.bus.publish([head("user:a", 1)]);
  await other.ear.heard(head("user:a", 1));
  one.bus.publish([head("user:a", 2)]);
  await one.ear.heard(head("user:a", 2));
  expect(one.ear.messages).toEqual([head("user:a", 2)]);
});

test("a pooler on the way is told of, and holds nobody up", async () => {
  const { bus, troubles, until } = await startBus(services().pgbouncer!);
  await bus.subscribe("user:a");
  await until(() => troubles.length > 0);
  expect(troubles[0]).toContain("goes through a pooler");
});

test("a way on which notifications get lost is found by listening for one", async () => {
  const relay = await relayed();
  // "A" begins a notification.
  relay.drop((chunk) => chunk[0] === 0x41);
  const { troubles, recoveries, until } = await startBus(through(relay), { connectMs: 300 });
  await until(() => troubles.length > 0);
  expect(troubles[0]).toContain("what is notified doesn't come back");
  expect(recoveries()).toBe(0);
  relay.drop(() => false);
  await until(() => recoveries() === 1);
});

test("no password is told", async () => {
  const relay = await relayed(false);
  const refused = await startBus(through(relay).replace("//postgres@", "//postgres:hunter2@"));
  const wrong = await startBus(
    server!.replace("//postgres@", "//postgres:hunter2@").replace(/\/\w+$/, "/none"),
  );
  await Promise.all([refused, wrong].map(({ until, troubles }) => until(() => troubles.length > 0)));
  expect(refused.troubles.join()).toContain("ECONNREFUSED");
  expect(wrong.troubles.join()).toContain('database "none" does not exist');
  expect([...refused.troubles, ...wrong.troubles].join()).not.toContain("hunter2");
});
