import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Services } from "../test/services.ts";
import type { Kind } from "./install.ts";
import { kafka } from "./kafka.ts";
import { pgbouncer } from "./pgbouncer.ts";
import { place } from "./place.ts";
import { postgres } from "./postgres.ts";
import { redis } from "./redis.ts";
import type { Server } from "./server.ts";
import { ports, portsFrom, portsInBlock } from "./versions.ts";

/** What one may ask for by name. */
export interface Service {
  readonly name: string;
  readonly kind: Kind;
  /** Who has to be up before it, by name. */
  readonly needs: readonly string[];
  readonly servers: readonly Server[];
  readonly up: () => Promise<void>;
}

/** What `up` starts when nothing is named. */
export const usual = ["postgres1", "postgres2", "pgbouncer", "redis1", "redis2", "kafka"];

/** All that can be asked for, whether or not it is there, on a block of ports that begins here. */
export function catalog(from: number): Service[] {
  const at = (name: string) => join(place(), name);
  const one = (kind: Kind, server: Server, needs: string[] = []): Service => ({
    name: server.name,
    kind,
    needs,
    servers: [server],
    up: server.up,
  });
  const shift = (offsets: readonly number[]) => offsets.map((offset) => from + offset);
  const cluster = (
    name: string,
    own: Record<"ports" | "brokerPorts" | "controllerPorts", number[]>,
  ): Service => {
    const all = kafka({ name, directory: at(name), ...own });
    return { name, kind: "kafka", needs: [], servers: all.brokers, up: all.up };
  };
  const postgresAt = (name: "postgres1" | "postgres2") =>
    one("postgres", postgres({ name, directory: at(name), port: from + ports[name] }));
  const redisAt = (name: "redis1" | "redis2") =>
    one("redis", redis({ name, directory: at(name), port: from + ports[name] }));
  return [
    postgresAt("postgres1"),
    postgresAt("postgres2"),
    one(
      "pgbouncer",
      pgbouncer({
        name: "pgbouncer",
        directory: at("pgbouncer"),
        port: from + ports.pgbouncer,
        postgresPort: from + ports.postgres1,
      }),
      ["postgres1"],
    ),
    redisAt("redis1"),
    redisAt("redis2"),
    cluster("kafka", {
      ports: shift([ports.kafka]),
      brokerPorts: shift([ports.kafkaBroker]),
      controllerPorts: shift([ports.kafkaController]),
    }),
    cluster("kafka3", {
      ports: shift(ports.kafka3),
      brokerPorts: shift(ports.kafka3Brokers),
      controllerPorts: shift(ports.kafka3Controllers),
    }),
  ];
}

/** What tests are told, of those that answer. Where both are up, the three brokers are meant. */
export async function described(all: readonly Service[]): Promise<Services> {
  const up = await Promise.all(
    all.map(async (service) => ((await answers(service)) ? service.servers.map(({ url }) => url) : [])),
  );
  const urls = (...names: string[]) => up.filter((_, at) => names.includes(all[at]!.name)).flat();
  const three = urls("kafka3");
  return {
    postgres: urls("postgres1", "postgres2"),
    pgbouncer: urls("pgbouncer")[0] ?? null,
    kafka: three.length > 0 ? three : urls("kafka"),
    redis: urls("redis1", "redis2"),
  };
}

/** All of its servers do, and are ours. */
export async function answers({ servers }: Service): Promise<boolean> {
  const each = servers.map(async (server) => server.pid() !== null && (await server.answers()));
  return (await Promise.all(each)).every(Boolean);
}

const blockFile = () => join(place(), "ports-from");

/** For whoever asks for these services next: `--ports-from` is said once. */
export const keepBlock = (from: number): void => writeFileSync(blockFile(), `${from}\n`);

export const forgetBlock = (): void => rmSync(blockFile(), { force: true });

/** `--ports-from`, else `SERVICES_PORTS`, else where they were started last, else the usual block. */
export function blockFrom(said: string | undefined): number {
  const kept = existsSync(blockFile()) ? readFileSync(blockFile(), "utf8").trim() : undefined;
  const text = said ?? process.env["SERVICES_PORTS"] ?? kept ?? String(portsFrom);
  const from = Number(text);
  const last = 65_536 - portsInBlock;
  if (!Number.isInteger(from) || from < 1_024 || from > last) {
    throw new Error(`ports begin at a number from 1024 to ${last}, not at ${JSON.stringify(text)}`);
  }
  return from;
}
