import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startFaultProxy } from "../test/faults/proxy.ts";
import { kafkaPorts, postgresAnswers } from "./answers.ts";
import { freePorts } from "./free-ports.ts";
import { startKafka } from "./kafka.ts";
import { startPgbouncer } from "./pgbouncer.ts";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";
import type { Server } from "./server.ts";

// Up to four JVM starts a test, on a machine that does other things as well.
vi.setConfig({ testTimeout: 240_000 });

const home = mkdtempSync(join(tmpdir(), "servers-"));
const started: Server[] = [];

beforeAll(() => {
  // PostgreSQL's account has to pass through.
  execFileSync("chmod", ["755", home]);
});

afterAll(async () => {
  await Promise.all(started.map((server) => server.stop()));
  rmSync(home, { recursive: true, force: true });
});

function port(server: Server): number {
  return Number(new URL(server.url.includes("://") ? server.url : `kafka://${server.url}`).port);
}

/** True: the kernel takes a connection there. */
function accepts(at: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(at, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

const kinds = {
  postgres: () => startPostgres({ directory: join(home, "postgres") }),
  redis: () => startRedis({ directory: join(home, "redis") }),
  kafka: async () => (await startKafka({ directory: join(home, "kafka") })).brokers[0]!,
};

describe.each(Object.entries(kinds))("%s", (_, begin) => {
  test("is paused and goes on, is killed and comes back, is stopped and started", async () => {
    const server = await begin();
    started.push(server);
    const first = server.pid();
    expect(first).toBeGreaterThan(0);
    await server.up();
    expect(server.pid()).toBe(first);

    server.pause();
    expect(await server.answers()).toBe(false);
    expect(await accepts(port(server))).toBe(true);
    server.resume();
    await server.up();
    expect(server.pid()).toBe(first);

    await server.kill();
    expect(server.pid()).toBeNull();
    expect(await accepts(port(server))).toBe(false);
    await server.kill();
    await server.up();
    expect(server.pid()).not.toBe(first);

    server.pause();
    await server.stop();
    await server.stop();
    expect(server.pid()).toBeNull();
    await server.up();
    expect(await server.answers()).toBe(true);
  });
});

test("PgBouncer speaks for the server behind it", async () => {
  const behind = await startPostgres({
    directory: join(home, "behind"),
    settings: { max_connections: "20" },
  });
  const before = await startPgbouncer({ directory: join(home, "pgbouncer"), postgresPort: port(behind) });
  started.push(before, behind);
  await behind.kill();
  expect(await postgresAnswers(port(before))).toBe(false);
  await behind.up();
  await before.up();
});

test("three brokers are one cluster, and stay one when one is lost", async () => {
  const { brokers, bootstrap } = await startKafka({ directory: join(home, "kafka3"), brokers: 3 });
  started.push(...brokers);
  expect(new Set(bootstrap).size).toBe(3);
  const [lost, ...others] = brokers;
  await lost!.kill();
  for (const other of others) expect(await other.answers()).toBe(true);
  await lost!.up();
});

test("clients are told to come through what stands between, brokers are not", async () => {
  const [own] = await freePorts(1);
  const proxy = await startFaultProxy(own!);
  const { brokers, bootstrap } = await startKafka({
    directory: join(home, "between"),
    ports: [own!],
    advertisedPorts: [proxy.port],
  });
  started.push(...brokers);
  expect(bootstrap).toEqual([`127.0.0.1:${proxy.port}`]);
  expect(await kafkaPorts(proxy.port)).toEqual([proxy.port]);
  await proxy.hang();
  expect(await kafkaPorts(proxy.port)).toEqual([]);
  expect(await brokers[0]!.answers()).toBe(true);
  await proxy.close();
});

test("a program that is there already is left alone, and named", async () => {
  const here = await startRedis({ directory: join(home, "here") });
  started.push(here);
  await expect(startRedis({ directory: join(home, "there"), port: port(here) })).rejects.toThrow(
    /another program answers/,
  );
  expect(await here.answers()).toBe(true);
});

test("what a server said last is in the error", async () => {
  const directory = join(home, "wrong");
  await expect(startPostgres({ directory, settings: { fsync: "perhaps" } })).rejects.toThrow(
    /ended before it answered[\s\S]*fsync/,
  );
});
