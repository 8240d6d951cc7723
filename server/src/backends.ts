/**
 * What stands behind the ports, as the configuration has it: the only file that names backends. A backend's client is
 * loaded when its backend is chosen.
 */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { BusDriver } from "./bus/driver.ts";
import type { BusEvents } from "./bus/events.ts";
import { makeLocalBus } from "./bus/local.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config/options.ts";
import type { Failure } from "./errors.ts";
import type { NamedLog } from "./log/agreement.ts";
import type { LogDriver } from "./log/driver.ts";
import { makeInlineLog } from "./log/inline.ts";
import { factLeftBehind } from "./store/sqlite/left-behind.ts";
import { openSqlite } from "./store/sqlite/open.ts";
import type { StoreBackend } from "./store/store.ts";
import type { Waiting } from "./waiting.ts";

export interface Surroundings {
  readonly clock: Clock;
  /** For what isn't there yet. */
  readonly waiting: Waiting;
  readonly bus: BusEvents;
  readonly log: {
    /** An append, a read or a witness failed and is tried again. */
    troubled(what: string, failure: Failure): void;
    /** An append or a read went well. Called often. */
    worked(what: string): void;
    /** The start waits for it. */
    waiting(reason: string): void;
    /** Its settings may lose or delay something. */
    warned(warning: string): void;
  };
  readonly store: {
    /** It broke down, and is being brought back. */
    restarting(reason: Failure): void;
    checkpointFailed(reason: Failure): void;
  };
}

export interface Backends {
  readonly store: StoreBackend;
  /** Other processes may have the store open too. */
  readonly storeIsShared: boolean;
  readonly log: LogDriver;
  /** Null where the log keeps no offsets: what is appended is this process's own until it is committed. */
  readonly keptLog: NamedLog | null;
  readonly bus: BusDriver;
}

/** How the store in the data directory stands, where it isn't the one that is served; null when there is none. */
export const leftInDirectory = (
  { dataDirectory, postgresUrl }: Config,
  fact: string,
): { readonly fact: string | null } | null =>
  postgresUrl.length === 0 ? null : factLeftBehind(dataDirectory, fact);

/** Opens the store and makes the others ready to start. What was opened when it rejects is closed again. */
export async function openBackends(config: Config, surroundings: Surroundings): Promise<Backends> {
  const { clock } = surroundings;
  const store = await openStore(config, surroundings);
  try {
    const keptLog = await openKeptLog(config, store, surroundings);
    return {
      store,
      storeIsShared: config.postgresUrl.length > 0,
      log: keptLog?.log ?? makeInlineLog({ clock }),
      keptLog,
      bus: await openBus(config, store, surroundings),
    };
  } catch (error) {
    await store.stop();
    throw error;
  }
}

/** The store by itself, for a command: what isn't there is not waited for. */
export async function openStoreAlone(config: Config, clock: Clock): Promise<StoreBackend> {
  const { identityWindowMs, postgresUrl: urls, dataDirectory: directory } = config;
  if (urls.length === 0) return openSqlite({ directory, identityWindowMs, clock });
  const { openPostgres } = await import("./store/postgres/open.ts");
  return openPostgres({ urls, identityWindowMs, clock, connections: config.postgresConnections });
}

async function openStore(config: Config, { clock, waiting, store }: Surroundings): Promise<StoreBackend> {
  const { identityWindowMs, postgresUrl: urls } = config;
  if (urls.length === 0) {
    const hangMs = config.storeWatchdogMs;
    return openSqlite({ directory: config.dataDirectory, identityWindowMs, hangMs, clock, ...store });
  }
  const { openPostgres } = await import("./store/postgres/open.ts");
  return waiting.until("the store", () =>
    openPostgres({
      urls,
      identityWindowMs,
      clock,
      connections: config.postgresConnections,
      parts: config.parts,
    }),
  );
}

/** Where Kafka is, and how it is spoken to; null without one. */
export async function kafkaOf(config: Config) {
  const { kafkaBrokers: brokers, kafkaUser: username, kafkaPassword: password } = config;
  if (brokers.length === 0) return null;
  const ca = config.kafkaCaFile === null ? undefined : await readFile(config.kafkaCaFile);
  return {
    brokers,
    topic: config.kafkaTopic,
    connection: {
      ...(config.kafkaTls || ca !== undefined ? { tls: ca === undefined ? {} : { ca } } : {}),
      ...(username === null || password === null
        ? {}
        : { sasl: { mechanism: config.kafkaMechanism, username, password } }),
    },
  };
}

async function openKeptLog(
  config: Config,
  { parts }: StoreBackend,
  { clock, log: events }: Surroundings,
): Promise<NamedLog | null> {
  const kafka = await kafkaOf(config);
  if (kafka === null) return null;
  const { openKafkaLog } = await import("./log/kafka/open.ts");
  const { brokers, topic, connection } = kafka;
  const log = openKafkaLog({
    brokers,
    topic,
    parts,
    clock,
    createTopic: true,
    ...connection,
    events,
  });
  return { log, id: log.topicId };
}

async function openBus(
  config: Config,
  { coordination }: StoreBackend,
  { clock, waiting, bus: events }: Surroundings,
): Promise<BusDriver> {
  const { postgresUrl, postgresListenUrl, redisUrl } = config;
  if (postgresUrl.length === 0) return makeLocalBus({ clock });
  const deployment = await waiting.until("the store", () => coordination.agree("deployment", randomUUID()));
  if (redisUrl.length > 0) {
    const { makeRedisBus } = await import("./bus/redis/open.ts");
    return makeRedisBus({ urls: redisUrl, deployment, clock, events });
  }
  const { makePostgresBus } = await import("./bus/postgres/open.ts");
  return makePostgresBus({ url: postgresListenUrl[0] ?? postgresUrl[0]!, deployment, clock, events });
}
