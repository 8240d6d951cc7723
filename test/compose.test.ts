// Holds deploy/compose/ to services/versions.ts: with Docker or without, one meets the same services.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parse } from "yaml";
import {
  type Brokers,
  kafkaHeap,
  kafkaListeners,
  kafkaSettings,
  pgbouncerSettings,
  ports,
  portsFrom,
  portsInBlock,
  postgresSettings,
  redisSettings,
  versions,
} from "../services/versions.ts";

interface Composed {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly ports: readonly string[];
  readonly volumes?: readonly string[];
  readonly profiles?: readonly string[];
}

const folder = new URL("../deploy/compose/", import.meta.url);
const read = (name: string) => readFileSync(new URL(name, folder), "utf8");
const compose = parse(read("compose.yaml"), { merge: true }) as {
  readonly services: Readonly<Record<string, Composed>>;
  readonly volumes: Readonly<Record<string, null>>;
};
const kafka3 = ["kafka3-1", "kafka3-2", "kafka3-3"];
const service = (name: string) => compose.services[name]!;
const environmentName = (property: string) => `KAFKA_${property.toUpperCase().replaceAll(".", "_")}`;

test("the same services, on loopback, at the same ports", () => {
  const inside = { postgres: 5432, pgbouncer: 5432, redis: 6379, kafka: 9092 };
  const expected: Record<string, string[]> = {};
  const put = (name: string, at: number, port: number) => {
    expected[name] = [`127.0.0.1:${portsFrom + at}:${port}`];
  };
  put("postgres1", ports.postgres1, inside.postgres);
  put("postgres2", ports.postgres2, inside.postgres);
  put("pgbouncer", ports.pgbouncer, inside.pgbouncer);
  put("redis1", ports.redis1, inside.redis);
  put("redis2", ports.redis2, inside.redis);
  put("kafka", ports.kafka, inside.kafka);
  kafka3.forEach((name, at) => void put(name, ports.kafka3[at]!, inside.kafka));
  expect(
    Object.fromEntries(Object.entries(compose.services).map(([name, each]) => [name, each.ports])),
  ).toEqual(expected);
  for (const [name, { profiles }] of Object.entries(compose.services)) {
    expect(profiles, name).toEqual(kafka3.includes(name) ? ["kafka3"] : undefined);
  }
});

test("no two of the block's ports are one, and none can be given to a client", () => {
  const all = Object.values(ports).flat();
  expect(new Set(all).size).toBe(all.length);
  expect(Math.max(...all)).toBe(portsInBlock - 1);
  expect(portsFrom + portsInBlock).toBeLessThanOrEqual(32_768);
});

test("the same versions", () => {
  const images = Object.fromEntries(
    Object.entries(compose.services).map(([name, { image }]) => [name, image]),
  );
  const kafka = `apache/kafka:${versions.kafka}`;
  expect(images).toEqual({
    postgres1: `postgres:${versions.postgres}`,
    postgres2: `postgres:${versions.postgres}`,
    pgbouncer: `edoburu/pgbouncer:${versions.pgbouncer}`,
    redis1: `redis:${versions.redis}`,
    redis2: `redis:${versions.redis}`,
    kafka,
    ...Object.fromEntries(kafka3.map((name) => [name, kafka])),
  });
});

test.each(["postgres1", "postgres2"])("%s has the same settings, and asks for no password", (name) => {
  const { command, environment, volumes } = service(name);
  const [program, ...options] = command!;
  expect(program).toBe("postgres");
  expect(options).toEqual(Object.entries(postgresSettings).map(([name, value]) => `-c${name}=${value}`));
  expect(environment).toEqual({
    POSTGRES_HOST_AUTH_METHOD: "trust",
    POSTGRES_INITDB_ARGS: "--encoding=UTF8 --locale=C",
  });
  expect(volumes).toEqual([`${name}:/var/lib/postgresql/data`]);
});

test("PgBouncer has the same settings, before the first PostgreSQL", () => {
  const mounted = service("pgbouncer").volumes!.map((volume) => volume.split(":"));
  expect(mounted.map(([from, to]) => [from, to])).toEqual([
    ["./pgbouncer.ini", "/etc/pgbouncer/pgbouncer.ini"],
    ["./userlist.txt", "/etc/pgbouncer/userlist.txt"],
  ]);
  expect(read("userlist.txt")).toBe('"postgres" ""\n');
  const lines = read("pgbouncer.ini").split("\n");
  expect(lines.slice(0, 3)).toEqual(["[databases]", "* = host=postgres1 port=5432", ""]);
  const settings = Object.fromEntries(
    lines.filter((line) => /^\w/.test(line)).map((line) => line.split("=").map((part) => part.trim())),
  );
  // The setting came with 1.21; before, none are kept, which is what it would say.
  expect(versions.pgbouncer.localeCompare("1.21.0", "en", { numeric: true })).toBeLessThan(0);
  const { max_prepared_statements, ...same } = pgbouncerSettings;
  expect(max_prepared_statements).toBe("0");
  expect(settings).toEqual({
    ...same,
    listen_addr: "0.0.0.0",
    listen_port: "5432",
    unix_socket_dir: "",
    auth_file: "/etc/pgbouncer/userlist.txt",
  });
});

test.each(["redis1", "redis2"])("%s keeps nothing", (name) => {
  const options = Object.entries(redisSettings).flatMap(([name, value]) => [`--${name}`, value]);
  expect(service(name).command).toEqual(["redis-server", ...options]);
  expect(service(name).volumes).toBeUndefined();
});

test.each<[Brokers, string[]]>([
  [1, ["kafka"]],
  [3, kafka3],
])("%d broker(s) have the same settings, and find each other", (brokers, names) => {
  const same = Object.entries({ ...kafkaListeners, ...kafkaSettings(brokers) });
  names.forEach((name, at) => {
    const port = portsFrom + (brokers === 3 ? ports.kafka3[at]! : ports.kafka);
    expect(service(name).environment, name).toEqual({
      ...Object.fromEntries(same.map(([property, value]) => [environmentName(property), value])),
      CLUSTER_ID: expect.stringMatching(/^[\w-]{22}$/),
      KAFKA_HEAP_OPTS: kafkaHeap,
      KAFKA_PROCESS_ROLES: "broker,controller",
      KAFKA_NODE_ID: String(at + 1),
      KAFKA_LISTENERS: "CLIENT://:9092,BROKER://:9093,CONTROLLER://:9094",
      KAFKA_ADVERTISED_LISTENERS: `CLIENT://127.0.0.1:${port},BROKER://${name}:9093`,
      KAFKA_CONTROLLER_QUORUM_VOTERS: names.map((each, id) => `${id + 1}@${each}:9094`).join(","),
      KAFKA_LOG_DIRS: "/var/lib/kafka/data",
    });
    expect(service(name).volumes).toEqual([`${name}:/var/lib/kafka/data`]);
  });
  // Environment variables can't say what a name's own underscore or dash was.
  for (const [property] of same) expect(property).toMatch(/^[a-z0-9.]+$/);
});

test("what is kept is declared", () => {
  const named = Object.values(compose.services)
    .flatMap(({ volumes }) => volumes ?? [])
    .map((volume) => volume.split(":")[0]!)
    .filter((name) => !name.startsWith("./"));
  expect(Object.keys(compose.volumes).sort()).toEqual(named.sort());
});
