/** Services of a test's own, to be treated badly: each a real server with a proxy before it. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../../services/free-ports.ts";
import { startKafka } from "../../../services/kafka.ts";
import { startPostgres } from "../../../services/postgres.ts";
import { startRedis } from "../../../services/redis.ts";
import type { Server } from "../../../services/server.ts";
import { type FaultProxy, startFaultProxy } from "../../../test/faults/proxy.ts";
import type { AtEnd } from "../bad-days/server-process.ts";
import { type Addresses, type Backing, environmentOf } from "./backing.ts";
import type { Combination } from "./combinations.ts";

export interface Guarded {
  readonly server: Server;
  /** Between the deployment and the server. */
  readonly proxy: FaultProxy;
}

export interface OwnServices extends Pick<Backing, "environment"> {
  readonly postgres: readonly Guarded[];
  readonly redis: Guarded | null;
  /** Of three brokers, whose proxies nobody needs, there are the servers alone. */
  readonly kafka: readonly (Guarded | { readonly server: Server })[];
}

export interface OwnServicesOptions {
  readonly combination: Combination;
  readonly brokers?: 1 | 3;
  readonly kafkaSettings?: Readonly<Record<string, string>>;
  /** Where the first PostgreSQL server is to keep its data. */
  readonly postgresDirectory?: string;
  readonly postgresSettings?: Readonly<Record<string, string>>;
  readonly atEnd: AtEnd;
}

/** What was written survives the process that wrote it, without fsync too: no test here cuts the power. */
const survivingKills = { fsync: "off", full_page_writes: "off" };

/** PostgreSQL runs as another account than root, which has to get there. */
function makePlace(atEnd: AtEnd): string {
  const place = mkdtempSync(join(tmpdir(), "carillon-services-"));
  chmodSync(place, 0o755);
  atEnd(() => rmSync(place, { recursive: true, force: true }));
  return place;
}

export async function startOwnServices(options: OwnServicesOptions): Promise<OwnServices> {
  const { combination, brokers = 1, atEnd } = options;
  const place = makePlace(atEnd);

  async function guard(start: (port: number) => Promise<Server>, port: number): Promise<Guarded> {
    const proxy = await startFaultProxy(port);
    atEnd(() => proxy.close());
    const server = await start(port);
    atEnd(() => server.kill());
    return { server, proxy };
  }

  const postgres = await Promise.all(
    Array.from({ length: combination.stores }, async (_, at) => {
      const directory = (at === 0 && options.postgresDirectory) || join(place, `postgres-${at}`);
      mkdirSync(directory, { recursive: true });
      const settings = { ...survivingKills, ...options.postgresSettings };
      return guard((port) => startPostgres({ directory, port, settings }), await freePort());
    }),
  );
  const redis = combination.redis
    ? await guard((port) => startRedis({ directory: join(place, "redis"), port }), await freePort())
    : null;
  const kafka = combination.kafka ? await startBrokers() : [];

  async function startBrokers(): Promise<OwnServices["kafka"]> {
    const directory = join(place, "kafka");
    const settings = options.kafkaSettings ?? {};
    if (brokers === 3) {
      const { brokers: servers } = await startKafka({ directory, brokers, settings });
      for (const server of servers) atEnd(() => server.kill());
      return servers.map((server) => ({ server }));
    }
    const port = await freePort();
    const proxy = await startFaultProxy(port);
    atEnd(() => proxy.close());
    const started = await startKafka({ directory, settings, ports: [port], advertisedPorts: [proxy.port] });
    const [server] = started.brokers;
    atEnd(() => server!.kill());
    return [{ server: server!, proxy }];
  }

  const at = (scheme: string, { proxy }: Guarded, rest = ""): string =>
    `${scheme}127.0.0.1:${proxy.port}${rest}`;
  const addresses: Addresses = {
    postgres: postgres.map((one) => at("postgres://postgres@", one, "/postgres")),
    redis: redis === null ? [] : [at("redis://", redis)],
    kafka: kafka.map((one) => ("proxy" in one ? at("", one) : one.server.url)),
  };
  return { postgres, redis, kafka, environment: environmentOf(addresses) };
}
