/**
 * Puts the server together: the only file that names backends. What it returns serves; what it started, it stops
 * again, in the opposite order.
 */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { openJwks } from "./access/jwks.ts";
import { openKeyring } from "./access/keyring.ts";
import { openKeys } from "./access/keys.ts";
import { openTokens, type Tokens } from "./access/tokens.ts";
import { makeLocalBus } from "./bus/local.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Config } from "./config/options.ts";
import { countBus, countDirector, countDistributor, countLog, countSessions } from "./count.ts";
import { makeDirector } from "./director/director.ts";
import { distributorDefaults, makeDistributor } from "./distributor/distributor.ts";
import { makeRequestedAcks } from "./distributor/requested-acks.ts";
import { type FirstKeys, openFirstKeys } from "./first-keys.ts";
import { makeAuthorizer } from "./http/authorize.ts";
import { closeWithin } from "./http/closing.ts";
import { buildHttp, httpDefaults } from "./http/server.ts";
import type { Service } from "./lifecycle.ts";
import { liveDefaults, registerLive } from "./live/live.ts";
import { makeSessions, sessionsDefaults, type Verify } from "./live/sessions.ts";
import { makeInlineLog } from "./log/inline.ts";
import { makeOperations } from "./operations.ts";
import { rememberTopics } from "./receiver/known-topics.ts";
import { openReceiver } from "./receiver/receiver.ts";
import { openTopics } from "./receiver/topics.ts";
import { openTracking } from "./receiver/tracking.ts";
import { openSqlite } from "./store/sqlite/open.ts";
import { withBounds } from "./store/store.ts";
import { type StoreWatch, watchStore } from "./store-watch.ts";
import type { Logger } from "./telemetry/logger.ts";
import { makeMetrics } from "./telemetry/metrics.ts";
import { sparingly } from "./telemetry/sparingly.ts";
import type { Serving } from "./welcome.ts";

export interface AssembleOptions {
  readonly config: Config;
  readonly log: Logger;
  /** Something broke that can't be repaired from within. */
  readonly broke: (what: string, reason: unknown) => void;
}

export interface Assembled {
  readonly serving: Serving;
  /** Fails the readiness, asks clients to leave, finishes what is under way, and closes everything. */
  drain(): Promise<void>;
}

/** Resolves when it serves, or with the problem of a key file; rejects with why it can't, everything closed. */
export async function assemble(options: AssembleOptions): Promise<Assembled | { readonly problem: string }> {
  const started: Service[] = [];
  const stopAll = async () => {
    for (const service of started.splice(0).reverse()) await service.stop();
  };
  try {
    const assembled = await assembleInto(started, options);
    if ("problem" in assembled) await stopAll();
    return assembled;
  } catch (error) {
    await stopAll();
    throw error;
  }
}

async function assembleInto(
  started: Service[],
  { config, log, broke }: AssembleOptions,
): Promise<Assembled | { readonly problem: string }> {
  const clock = systemClock;
  const metrics = makeMetrics();
  const begin = async (service: Service) => {
    started.push(service);
    await service.start();
  };
  let draining = false;

  const failing = (what: string) =>
    sparingly(clock, 1_000, (failure, kept) => log.error({ err: failure, kept }, what));

  const backend = await openSqlite({
    directory: config.dataDirectory,
    identityWindowMs: config.identityWindowMs,
    hangMs: config.storeWatchdogMs,
    clock,
    restarting(reason) {
      log.error({ err: reason }, "the store broke down; it is started again");
      storeWatch.broke(reason);
    },
    checkpointFailed: failing("the store's write-ahead log was not copied, and grows"),
  });
  const store = withBounds(backend);
  started.push({ name: "store", start: async () => {}, stop: () => store.stop() });
  void store.failed.then((failure) => broke("the store failed", failure));
  const storeWatch: StoreWatch = watchStore(clock, () =>
    Promise.all([store.streams.heads([]), store.streams.upkeep(1)]),
  );
  await begin(storeWatch);

  const keys = await openFirstKeys({
    directory: config.dataDirectory,
    access: store.access,
    clock,
    replaceMissing: config.replaceMissingKeys,
    tokenSecret: config.tokenSecret,
    tokenSecretFile: config.tokenSecretFile,
  });
  if ("problem" in keys) return keys;

  const inlineLog = countLog(makeInlineLog({ clock }), metrics);
  const bus = countBus(makeLocalBus({ clock }), metrics);
  const distributor = makeDistributor(
    { ...store, bus, clock, metrics: countDistributor(metrics) },
    { ...distributorDefaults, replay: config.replayRows },
  );
  const failed = {
    apply: failing("a batch was not committed"),
    consume: failing("the log can't be read"),
    upkeep: failing("a step of upkeep failed"),
  };
  const director = makeDirector({
    log: inlineLog,
    streams: store.streams,
    bus,
    clock,
    events: {
      ...countDirector(metrics),
      failed: (what, failure) => failed[what](failure),
      overtaken: (part) => log.warn({ part }, "another director moved this part on"),
    },
  });
  const tokens = tokensOf(config, keys, clock);
  const sessions = makeSessions(
    {
      distributor,
      clock,
      verify: verifyWith(tokens),
      metrics: countSessions(metrics),
      broken: (reason) => log.error({ err: reason }, "a session broke"),
    },
    {
      ...sessionsDefaults,
      heartbeatMs: config.heartbeatMs,
      bufferBytes: config.sessionBufferBytes,
      perUser: config.sessionsPerUser,
      total: config.sessions,
    },
  );
  const topics = rememberTopics(store.directory, clock);
  const apiKeys = openKeys(store.access, clock);
  const authorizer = makeAuthorizer(apiKeys, tokens);
  const app = buildHttp({
    receiver: openReceiver({
      log: inlineLog,
      bus,
      topics,
      clock,
      metrics,
      sizeBytes: config.notificationBytes,
    }),
    tracking: openTracking(store.streams, store.positions, bus, clock),
    topics: openTopics(store.directory, bus, topics),
    tokens,
    keyring: openKeyring(store.access, apiKeys, clock),
    acks: makeRequestedAcks(distributor.acks, store.directory, store.streams),
    reads: distributor.reads,
    authorizer,
    log,
    metrics,
    limits: { ...httpDefaults, bodyBytes: config.bodyBytes, batchItems: config.batchItems },
  });
  registerLive(app, {
    sessions,
    authorizer,
    allowsOrigin: (origin) => config.origins.includes("*") || config.origins.includes(origin),
    limits: {
      ...liveDefaults,
      frameBytes: config.frameBytes,
      framesPerSecond: config.framesPerSecond,
      unauthenticatedMs: config.unauthenticatedMs,
      pollWaitMs: config.pollWaitMs,
    },
    clock,
    broken: (reason) => log.error({ err: reason }, "a connection broke"),
  });
  const operations = makeOperations({
    host: config.operationsHost,
    port: config.operationsPort,
    metrics,
    checks: [
      { name: "store", problem: () => storeWatch.problem() },
      { name: "http", problem: () => (app.server.listening ? null : "it does not listen yet") },
      { name: "draining", problem: () => (draining ? "the server is shutting down" : null) },
    ],
  });
  metrics.gauge("carillon_catching_up_sessions", () => sessions.catchingUp());
  metrics.gauge("carillon_ready", () => (operations.ready() ? 1 : 0));
  metrics.gauge("carillon_hubs", () => distributor.hubCount());
  const version = ownVersion();
  metrics.gauge("carillon_info", () => ({ [version]: 1 }));

  await begin(operations);
  await begin({ name: "bus", start: () => bus.start(distributor.listener), stop: () => bus.stop() });
  await begin(distributor);
  await begin(director);
  await begin({ name: "log", start: () => inlineLog.start(), stop: () => inlineLog.stop() });
  await begin(sessions);
  await begin({
    name: "http",
    start: async () => void (await app.listen({ host: config.host, port: config.port })),
    stop: () => closeWithin(app, clock, graceMs(config)),
  });

  const serving: Serving = {
    version,
    url: urlOf(app.server.address() as AddressInfo),
    operationsUrl: urlOf(operations.address()),
    dataDirectory: config.dataDirectory,
    signingKeyFile: keys.signingKeyFile,
    apiKeyFile: keys.apiKeyFile,
    keysMade: keys.made,
  };
  await begin(announcement(config.dataDirectory, serving));
  return {
    serving,
    async drain() {
      draining = true;
      await sessions.drain(config.drainWindowMs);
      for (const service of started.splice(0).reverse()) {
        log.debug({ service: service.name }, "stopping");
        await service.stop();
      }
    },
  };
}

function tokensOf(config: Config, keys: FirstKeys, clock: Clock): Tokens {
  return openTokens(
    {
      issuer: config.tokenIssuer,
      audience: config.tokenAudience,
      signingKey: keys.signingKey,
      jwks: config.tokenKeySetUrl === null ? null : openJwks(new URL(config.tokenKeySetUrl)),
    },
    clock,
  );
}

const verifyWith =
  (tokens: Tokens): Verify =>
  async (token) => {
    const verdict = await tokens.verify(token);
    return verdict.kind === "client" ? verdict : { error: verdict.detail, reason: verdict.code };
  };

/** For requests under way when the clients have left: a part of what is left until the deadline. */
const graceMs = ({ drainWindowMs, drainDeadlineMs }: Config): number =>
  Math.min(5_000, (drainDeadlineMs - drainWindowMs) / 4);

/** `serving.json` in the data directory tells commands on this machine where the server is. */
function announcement(directory: string, { url, operationsUrl }: Serving): Service {
  const file = join(directory, "serving.json");
  return {
    name: "announcement",
    start: async () => writeFileSync(file, `${JSON.stringify({ url, operationsUrl, pid: process.pid })}\n`),
    stop: async () => rmSync(file, { force: true }),
  };
}

/** Every interface is reached through the loopback from here. */
function urlOf({ address, port, family }: AddressInfo): string {
  const host = address === "0.0.0.0" ? "127.0.0.1" : address === "::" ? "::1" : address;
  return `http://${family === "IPv6" || host.includes(":") ? `[${host}]` : host}:${port}`;
}

function ownVersion(): string {
  const manifest = readFileSync(new URL("../package.json", import.meta.url), "utf8");
  return (JSON.parse(manifest) as { version: string }).version;
}
