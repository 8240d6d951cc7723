/** The servers behind a deployment: private ones with fsync on, started when first needed, stopped at the end. */
import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import { type Kafka, startKafka } from "../services/kafka.ts";
import { startPostgres } from "../services/postgres.ts";
import { startRedis } from "../services/redis.ts";
import type { Server } from "../services/server.ts";
import { readTree, type Usage } from "./cpu.ts";
import type { Deployment } from "./deployments.ts";

/** What one start of a deployment is given: databases, a topic and Redis servers of its own. */
export interface Backing {
  /** Of its processes. */
  readonly environment: Readonly<Record<string, string>>;
  readonly postgresUrls: readonly string[];
  /** Where Kafka keeps the topic's partitions; null without Kafka. */
  readonly kafka: { readonly dataDirectory: string; readonly topic: string } | null;
  cpu(): Usage;
  /** How many of the log's records the store has: asked of it directly, so that nobody measured has to answer. */
  progress(): Promise<number>;
  drop(): Promise<void>;
}

export interface Backends {
  back(deployment: Deployment): Promise<Backing>;
  stop(): Promise<void>;
}

/** `directory` is where their data goes; on a disk, or a commit costs nothing. */
export function makeBackends(directory: string): Backends {
  const postgres: Promise<Server>[] = [];
  let kafka: Promise<Kafka> | undefined;
  let place: string | undefined;
  let started = 0;

  /** PostgreSQL, which won't run as root, has to get in. */
  const placeFor = (name: string): string => {
    if (place === undefined) {
      place = mkdtempSync(join(directory, "carillon-bench-servers-"));
      chmodSync(place, 0o755);
    }
    return join(place, name);
  };
  const postgresAt = (at: number): Promise<Server> => {
    postgres[at] ??= startPostgres({ name: `postgres ${at + 1}`, directory: placeFor(`postgres${at + 1}`) });
    return postgres[at];
  };

  return {
    async back(deployment) {
      const name = `bench_${++started}_${randomBytes(3).toString("hex")}`;
      const stores = await Promise.all(
        Array.from({ length: deployment.postgres }, (_, at) => postgresAt(at)),
      );
      await Promise.all(stores.map((server) => tell(server.url, `CREATE DATABASE ${name}`)));
      const buses = await Promise.all(
        Array.from({ length: deployment.redis }, (_, at) =>
          startRedis({ name: `redis ${at + 1}`, directory: placeFor(`redis-${name}-${at + 1}`) }),
        ),
      );
      if (deployment.kafka) kafka ??= startKafka({ directory: placeFor("kafka") });
      const log = deployment.kafka ? await kafka! : null;
      let asking: Promise<Client[]> | undefined;
      const postgresUrls = stores.map(({ url }) => url.replace(/postgres$/, name));
      return {
        environment: {
          ...(stores.length > 0 ? { CARILLON_POSTGRES_URL: postgresUrls.join(",") } : {}),
          ...(buses.length > 0 ? { CARILLON_REDIS_URL: buses.map(({ url }) => url).join(",") } : {}),
          ...(log === null
            ? {}
            : { CARILLON_KAFKA_BROKERS: log.bootstrap.join(","), CARILLON_KAFKA_TOPIC: name }),
        },
        postgresUrls,
        kafka: log === null ? null : { dataDirectory: join(log.brokers[0]!.directory, "data"), topic: name },
        cpu: () => ({
          ...(stores.length > 0 ? { postgres: used(stores) } : {}),
          ...(buses.length > 0 ? { redis: used(buses) } : {}),
          ...(log === null ? {} : { kafka: used(log.brokers) }),
        }),
        async progress() {
          asking ??= Promise.all(postgresUrls.map(connect));
          const found = await Promise.all(
            (await asking).map((client) =>
              client.query<{ sum: string | null }>("SELECT sum(next::bigint) FROM log_progress"),
            ),
          );
          return found.reduce((sum, { rows }) => sum + Number(rows[0]!.sum), 0);
        },
        async drop() {
          for (const client of (await asking) ?? []) await client.end();
          await Promise.all(buses.map((server) => server.stop()));
          await Promise.all(stores.map((server) => tell(server.url, `DROP DATABASE ${name} WITH (FORCE)`)));
        },
      };
    },
    async stop() {
      await Promise.all([
        ...postgres.map(async (server) => (await server).stop()),
        kafka?.then((cluster) => cluster.stop()),
      ]);
      if (place !== undefined) rmSync(place, { recursive: true, force: true });
    },
  };
}

const used = (servers: readonly Server[]): number =>
  servers.reduce((sum, server) => sum + readTree(server.pid()!), 0);

async function connect(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  await client.connect();
  return client;
}

async function tell(url: string, statement: string): Promise<void> {
  const client = await connect(url);
  await client.query(statement).finally(() => client.end());
}
