/** The Redis bus on servers of its own, which die, freeze, are emptied and refuse. */
import { randomUUID } from "node:crypto";
import type { StreamName } from "@carillon/protocol/stream";
import { expect, onTestFinished, test } from "vitest";
import { makeEar } from "../../src/bus/conformance/suite.ts";
import type { BusMessage } from "../../src/bus/driver.ts";
import { makeRedisBus, type RedisBusOptions } from "../../src/bus/redis/open.ts";
import { makeTopology } from "../../src/bus/topology.ts";
import { systemClock } from "../../src/clock.ts";
import { makeOwnRedis, type OwnRedis } from "./own-redis.ts";
import { makeWitness } from "./witness.ts";

const head = (stream: StreamName, at: number): BusMessage => ({ type: "head", stream, head: at });
const rows = (stream: StreamName, seq: number): BusMessage => ({
  type: "rows",
  stream,
  rows: [{ seq, kind: 0, expiresAt: null, receipt: false, body: "{}" }],
  acceptedAt: 1,
  committedAt: 2,
});
const ephemeral = (stream: StreamName, body: string): BusMessage => ({ type: "ephemeral", stream, body });

const deployment = randomUUID();
const channelOf = (stream: StreamName): string => `carillon:${deployment}:${stream}`;

async function startBus(servers: readonly OwnRedis[], options: Partial<RedisBusOptions> = {}) {
  const witness = makeWitness();
  const ear = makeEar();
  const bus = makeRedisBus({
    urls: servers.map(({ url }) => url),
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

async function serverUp(...settings: readonly string[]): Promise<OwnRedis> {
  const server = await makeOwnRedis();
  await server.up(...settings);
  return server;
}

test("invariant 9: a server that died and came back makes its streams suspect once they are subscribed", async () => {
  const server = await serverUp();
  const { bus, ear, troubles, recoveries, until } = await startBus([server]);
  await bus.subscribe("user:a");
  await until(() => recoveries() === 1);
  await server.kill();
  await until(() => troubles.length > 0);
  expect(ear.suspects).toEqual([]);
  await server.up();
  await ear.suspected("user:a");
  await until(() => recoveries() === 2);
  bus.publish([head("user:a", 3)]);
  await ear.heard(head("user:a", 3));
});

test("invariant 9: a stream that is wanted while the server is away is suspect once it is subscribed", async () => {
  const server = await makeOwnRedis();
  const { bus, ear, troubles, recoveries, until } = await startBus([server]);
  await Promise.all([bus.subscribe("user:a"), bus.subscribe("user:b"), bus.subscribe("user:c")]);
  bus.unsubscribe("user:b");
  await until(() => troubles.length > 0);
  await bus.subscribe("user:d");
  await server.up();
  await Promise.all([ear.suspected("user:a"), ear.suspected("user:c"), ear.suspected("user:d")]);
  await until(() => recoveries() === 1);
  bus.publish([head("user:b", 1), head("user:d", 1)]);
  await ear.heard(head("user:d", 1));
  expect(ear.of("user:b")).toEqual([]);
  expect(ear.suspects).not.toContain("user:b");
});

test("a server that hangs is given up: who subscribes meanwhile isn't held up, and all is suspect after it", async () => {
  const server = await serverUp();
  const { bus, ear, troubles, until } = await startBus([server], { beatMs: 100 });
  await bus.subscribe("user:a");
  server.pause();
  await bus.subscribe("user:b");
  await until(() => troubles.length > 0);
  expect(troubles[0]).toContain("no sign of life for 300 ms");
  server.resume();
  await Promise.all([ear.suspected("user:a"), ear.suspected("user:b")]);
});

test("what waited for a frozen server longer than its time is not delivered when that goes on", async () => {
  const server = await serverUp();
  const patient = await startBus([server], { beatMs: 60_000 });
  await patient.bus.subscribe("user:a");
  const hasty = await startBus([server], { patienceMs: 100, beatMs: 100 });
  await hasty.until(() => hasty.recoveries() === 1);
  server.pause();
  hasty.bus.publish([ephemeral("user:a", '"late"')]);
  await hasty.until(() => hasty.dropped.away === 1);
  server.resume();
  await hasty.until(() => hasty.recoveries() === 2);
  hasty.bus.publish([ephemeral("user:a", '"now"')]);
  await patient.ear.heard(ephemeral("user:a", '"now"'));
  expect(patient.ear.messages).toEqual([ephemeral("user:a", '"now"')]);
});

test("what is published while the server is away is dropped when its time has passed, and counted; heads may follow", async () => {
  const server = await serverUp();
  const { bus, ear, dropped, troubles, recoveries, until } = await startBus([server], { patienceMs: 50 });
  await bus.subscribe("user:a");
  await until(() => recoveries() === 1);
  await server.kill();
  await until(() => troubles.length > 0);
  bus.publish([rows("user:a", 1), rows("user:a", 2), ephemeral("user:a", '"late"')]);
  await until(() => dropped.away === 3);
  await server.up();
  await until(() => recoveries() === 2);
  bus.publish([head("user:a", 3)]);
  await ear.heard(head("user:a", 3));
  // Unheard where the publisher was back before the subscriber, whose streams are suspect then.
  expect([[head("user:a", 3)], [head("user:a", 2), head("user:a", 3)]]).toContainEqual(ear.messages);
});

test("invariant 9: what a server held for too long, and didn't tell, is told as heads when it goes on", async () => {
  const server = await serverUp();
  const { bus, ear, dropped, recoveries, until } = await startBus([server], {
    patienceMs: 100,
    beatMs: 60_000,
  });
  await bus.subscribe("user:a");
  await until(() => recoveries() === 1);
  server.pause();
  bus.publish([rows("user:a", 1)]);
  await new Promise((resolve) => void systemClock.after(300, () => resolve(undefined)));
  server.resume();
  await ear.heard(head("user:a", 1));
  expect(ear.messages).toEqual([head("user:a", 1)]);
  expect(ear.suspects).toEqual([]);
  expect(dropped.away).toBe(1);
});

test("what waits is bounded, and the rest dropped", async () => {
  const server = await makeOwnRedis();
  const { bus, dropped } = await startBus([server], { waitingMost: 1_000 });
  const body = JSON.stringify("x".repeat(200));
  bus.publish(Array.from({ length: 10 }, () => ephemeral("user:a", body)));
  expect(dropped.full).toBe(6);
});

test("a short blink of the publisher's connection loses nothing", async () => {
  const server = await serverUp();
  const { bus, ear, recoveries, until } = await startBus([server]);
  await bus.subscribe("user:a");
  await until(() => recoveries() === 1);
  const name = `name=carillon-${deployment}-publisher`;
  const list = String(await server.command("CLIENT", "LIST"));
  const id = /^id=(\d+)/.exec(list.split("\n").find((line) => line.includes(name)) ?? "")?.[1];
  await server.command("CLIENT", "KILL", "ID", id!);
  bus.publish([head("user:a", 1)]);
  await ear.heard(head("user:a", 1));
});

test("one server of two away concerns its streams alone", async () => {
  const servers = [await serverUp(), await serverUp()] as const;
  const { bus, ear, troubles, until } = await startBus(servers);
  const serverOf = makeTopology(servers.map(({ url }) => new URL(url).host));
  const streams = Array.from({ length: 40 }, (_, at) => `user:${at}` as const);
  const lost = streams.filter((stream) => serverOf(stream) === 1);
  const kept = streams.filter((stream) => serverOf(stream) === 0);
  expect(Math.min(lost.length, kept.length)).toBeGreaterThan(5);
  await Promise.all(streams.map((stream) => bus.subscribe(stream)));
  await servers[1].kill();
  await until(() => troubles.length > 0);
  bus.publish(streams.map((stream) => head(stream, 1)));
  await Promise.all(kept.map((stream) => ear.heard(head(stream, 1))));
  await servers[1].up();
  await Promise.all(lost.map((stream) => ear.suspected(stream)));
  expect(ear.suspects.toSorted()).toEqual(lost.toSorted());
});

test("a server that is emptied, scripts and all, goes on as before", async () => {
  const server = await serverUp();
  const { bus, ear } = await startBus([server]);
  await bus.subscribe("user:a");
  await server.command("FLUSHALL");
  await server.command("SCRIPT", "FLUSH");
  bus.publish([head("user:a", 1)]);
  await ear.heard(head("user:a", 1));
  expect(ear.suspects).toEqual([]);
});

test("garbage on a channel is dropped and counted, and what follows is heard", async () => {
  const server = await serverUp();
  const { bus, ear, dropped } = await startBus([server]);
  await bus.subscribe("user:a");
  const channel = channelOf("user:a");
  const garbage = [
    "",
    "2huser:a 1 ",
    "1",
    "1huser:a 1",
    "1x",
    '{"type":"head"}',
    "1h../etc 1 ",
    "1huser:b 1 ",
  ];
  for (const payload of garbage) await server.command("PUBLISH", channel, payload);
  bus.publish([head("user:a", 1)]);
  await ear.heard(head("user:a", 1));
  expect(ear.messages).toEqual([head("user:a", 1)]);
  expect(dropped.unreadable).toBe(6);
});

test("invariant 9: a subscriber that the server cuts because it is slow makes its streams suspect", async () => {
  const server = await serverUp();
  const { bus, ear } = await startBus([server]);
  await bus.subscribe("user:a");
  const flood = "for _ = 1, 80 do redis.call('PUBLISH', ARGV[1], string.rep('x', 1048576)) end";
  await server.command("EVAL", flood, "0", channelOf("user:a"));
  await ear.suspected("user:a");
});

test("two deployments on one server don't hear each other", async () => {
  const server = await serverUp();
  const [one, other] = [await startBus([server]), await startBus([server], { deployment: "other" })];
  await Promise.all([one.bus.subscribe("user:a"), other.bus.subscribe("user:a")]);
  other.bus.publish([head("user:a", 1)]);
  await other.ear.heard(head("user:a", 1));
  one.bus.publish([head("user:a", 2)]);
  await one.ear.heard(head("user:a", 2));
  expect(one.ear.messages).toEqual([head("user:a", 2)]);
});

test.each([
  [
    "in cluster mode",
    ["--cluster-enabled", "yes", "--cluster-config-file", `/tmp/${randomUUID()}`],
    /cluster mode/,
  ],
  ["a replica", ["--replicaof", "127.0.0.1 1"], /is a replica/],
  ["one that wants another password", ["--requirepass", "secret"], /NOAUTH|WRONGPASS/],
])("a server that is %s is told of in words, and holds nobody up", async (_, settings, text) => {
  const server = await serverUp(...settings);
  const { bus, troubles, until } = await startBus([server]);
  await bus.subscribe("user:a");
  bus.publish([head("user:a", 1)]);
  await until(() => troubles.length > 0);
  expect(troubles[0]).toMatch(text);
});

test("a server that doesn't let us publish is told of in words, and again only when it lets us", async () => {
  const server = await serverUp();
  await server.command("ACL", "SETUSER", "limited", "on", ">pw", "+@all", "resetchannels", "&other:*");
  const url = server.url.replace("//", "//limited:pw@");
  const { troubles, recoveries, until } = await startBus([{ ...server, url }]);
  await until(() => troubles.length > 0);
  expect(troubles[0]).toContain("publishing is refused: ");
  await server.command("ACL", "SETUSER", "limited", "allchannels");
  await until(() => recoveries() === 1);
  expect(troubles).toHaveLength(1);
});

test("no password is told: not a wrong one, and not in an address that is none", async () => {
  const server = await serverUp("--requirepass", "secret");
  const url = server.url.replace("//", "//:hunter2@");
  const { troubles, until } = await startBus([{ ...server, url }]);
  await until(() => troubles.length > 0);
  expect(troubles.join()).toContain("WRONGPASS");
  expect(troubles.join()).not.toContain("hunter2");
  const given = { deployment, clock: systemClock, events: makeWitness().events };
  for (const wrong of ["http://:hunter2@host", "redis://:hunter2@", "redis://:hunter2@a b"]) {
    expect(() => makeRedisBus({ ...given, urls: [wrong] })).toThrow(/^a Redis server is given as redis:/);
  }
});
