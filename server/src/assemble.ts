/**
 * Puts the server together: the roles that this process has, over the backends that it is given. What it returns
 * serves; what it started, it stops again, in the opposite order.
 */
import { openKeys } from "./access/keys.ts";
import { announcement, ownVersion, urlOf } from "./announcement.ts";
import { leftInDirectory, openBackends } from "./backends.ts";
import type { BusListener } from "./bus/driver.ts";
import { accessOf, certificateOf, listenerOf } from "./callers.ts";
import { makeCleaningOnDemand } from "./cleaning-on-demand.ts";
import { systemClock } from "./clock.ts";
import type { Config } from "./config/options.ts";
import { countBus, countDirector, countDistributor, countLog, countUpkeep } from "./count.ts";
import { type Director, makeDirector } from "./director/director.ts";
import { ownByLease } from "./director/ownership.ts";
import { type Distributor, distributorDefaults, makeDistributor } from "./distributor/distributor.ts";
import { type Edge, edgeOf } from "./edge.ts";
import { Failure } from "./errors.ts";
import { openFirstKeys } from "./first-keys.ts";
import type { Ground } from "./ground.ts";
import type { Service } from "./lifecycle.ts";
import { agreeOnLog, type NamedLog } from "./log/agreement.ts";
import { openLater } from "./log/opening.ts";
import { type LogWatch, watchLog } from "./log-watch.ts";
import { makeOperations, type Post } from "./operations.ts";
import { makeOwner } from "./owner.ts";
import { takeForServing, whyNotBeside } from "./promotion/serving.ts";
import { standingFact } from "./promotion/standing.ts";
import { withBounds } from "./store/store.ts";
import { type StoreWatch, watchStore } from "./store-watch.ts";
import type { Logger } from "./telemetry/logger.ts";
import { makeMetrics } from "./telemetry/metrics.ts";
import { sparingly } from "./telemetry/sparingly.ts";
import { openTracing, traceCommits, tracePushes } from "./trace.ts";
import { makeWaiting } from "./waiting.ts";
import type { Serving } from "./welcome.ts";

export interface AssembleOptions {
  readonly config: Config;
  readonly log: Logger;
  /** Given when the process is told to stop before it serves: waiting ends. */
  readonly signal: AbortSignal;
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
  { config, log, signal, broke }: AssembleOptions,
): Promise<Assembled | { readonly problem: string }> {
  const leftBehind = leftInDirectory(config, standingFact);
  const forgotten = leftBehind === null ? null : whyNotBeside(config.dataDirectory, leftBehind.fact);
  if (forgotten !== null) return { problem: forgotten };

  const clock = systemClock;
  const metrics = makeMetrics();
  const begin = async (service: Service) => {
    started.push(service);
    await service.start();
  };
  const failing = (what: string) => {
    const tell = (fields: unknown, kept: number) => log.error({ ...(fields as object), kept }, what);
    const say = sparingly(clock, 1_000, tell);
    // Where the exception was made says nothing of a service that is away, and it may be away for long.
    const sayAway = sparingly(clock, 10_000, tell);
    return (failure: unknown, about: object = {}) =>
      failure instanceof Failure && failure.code === "unavailable"
        ? sayAway({ reason: failure.message, ...about })
        : say({ err: failure, ...about });
  };
  const waiting = makeWaiting({
    clock,
    signal,
    told: (what, failure, attempts) =>
      log.warn({ reason: failure.message, attempts }, `waiting for ${what}, which isn't there yet`),
  });
  const has = (role: Config["roles"][number]) => config.roles.includes(role);

  const logWatch = (what: string) =>
    watchLog({
      clock,
      graceMs: logAwayMs,
      recovered: (awayMs) => log.info({ awayMs: Math.round(awayMs) }, `the log is there again, ${what}`),
    });
  const appends = logWatch("to be appended to");
  const reads = logWatch("to be read");
  let storeWatch: StoreWatch | undefined;
  let director: Director | undefined;
  let logProblem: string | null = null;
  let acceptsWithoutStore = false;
  let isServing = false;
  let isDraining = false;
  const posts = new Map<string, Post>();
  const operations = makeOperations({
    posts,
    host: config.operationsHost,
    port: config.operationsPort,
    metrics,
    checks: [
      {
        name: "start",
        problem: () => (isServing ? null : (waiting.problem() ?? logProblem ?? "the server is starting")),
      },
      {
        name: "store",
        problem: () => storeWatch?.problem() ?? null,
        // The log takes what the store can't.
        isSurvived: () => acceptsWithoutStore,
      },
      { name: "log", problem: () => appends.problem() ?? reads.problem() },
      { name: "director", problem: () => director?.problem() ?? null },
      { name: "draining", problem: () => (isDraining ? "the server is shutting down" : null) },
    ],
  });
  metrics.gauge("carillon_ready", () => (operations.ready() ? 1 : 0));
  const version = ownVersion();
  metrics.gauge("carillon_info", () => ({ [version]: 1 }));
  await begin(operations);

  const logTroubled: Record<string, (failure: unknown) => void> = {
    append: failing("the log was not appended to"),
    consume: failing("the log was not read"),
    witness: failing("the log was not told how far the store has come"),
  };
  const logWatches: Record<string, LogWatch> = { append: appends, consume: reads };
  const waitedFor = sparingly(clock, 10_000, (reason) =>
    log.warn({ reason }, "waiting for the log, which isn't there yet"),
  );
  const logIsMissing = (reason: string) => {
    logProblem = reason;
    waitedFor(reason);
  };
  const backends = await openBackends(config, {
    clock,
    waiting,
    store: {
      restarting(reason) {
        log.error({ err: reason }, "the store broke down; it is started again");
        storeWatch?.broke(reason);
      },
      checkpointFailed: failing("the store's write-ahead log was not copied, and grows"),
    },
    log: {
      troubled(what, failure) {
        logTroubled[what]?.(failure);
        logWatches[what]?.troubled(failure.message);
      },
      worked: (what) => logWatches[what]?.worked(),
      waiting: (reason) => logIsMissing(reason),
      warned: (warning) => log.warn({}, warning),
    },
    bus: {
      troubled: (server, problem) =>
        log.warn({ server, problem }, "the bus can't be used: what is new comes late, and is not lost"),
      recovered: (server) => log.info({ server }, "the bus can be used"),
      dropped: (count, why) => metrics.counter("carillon_bus_dropped_total", why).inc(count),
    },
  });
  const { storeIsShared: isShared, keptLog } = backends;
  acceptsWithoutStore = keptLog !== null && config.roles.every((role) => role === "receiver");
  const store = withBounds(backends.store);
  started.push({ name: "store", start: async () => {}, stop: () => store.stop() });
  void store.failed.then((failure) => broke("the store failed", failure));
  storeWatch = watchStore({
    clock,
    ask: store.ask,
    everyMs: isShared ? sharedStoreAskedMs : null,
    changed: (problem) =>
      problem === null
        ? log.info({}, "the store is there again")
        : log.error({ reason: problem }, "the store is away"),
  });
  await begin(storeWatch);

  const taken = await waiting.until("the store", () => takeForServing(store.coordination, config));
  if ("problem" in taken) return taken;
  if (taken.note !== null) log.warn({}, taken.note);

  const keys =
    has("receiver") || has("distributor")
      ? await openFirstKeys({
          directory: config.dataDirectory,
          access: store.access,
          facts: isShared ? store.coordination : null,
          clock,
          replaceMissing: config.replaceMissingKeys,
          makesApiKey: has("receiver"),
          tokenSecret: config.tokenSecret,
          tokenSecretFile: config.tokenSecretFile,
          previousTokenSecret: config.previousTokenSecret,
          previousTokenSecretFile: config.previousTokenSecretFile,
        })
      : null;
  if (keys !== null && "problem" in keys) return keys;

  if (config.acceptRestore && keptLog === null) {
    const epoch = await store.coordination.beginEpoch();
    log.warn({ epoch }, "a new epoch has begun, as asked for; clients are told of a gap");
  }
  const agree = (kept: NamedLog) =>
    waiting.until("the store", () => agreeOnLog(kept, store.coordination, config.acceptRestore));
  const records = openLater(countLog(backends.log, metrics), async () => {
    if (keptLog === null || (await agree(keptLog)) === "agreed") return;
    log.warn({}, "the store begins with another log, as asked for");
  });
  posts.set(
    "/v1/admin/clean",
    makeCleaningOnDemand({
      store,
      keys: openKeys(store.access, clock),
      clock,
      keepMs: config.retentionMs,
      identityWindowMs: config.identityWindowMs,
    }),
  );
  const bus = countBus(backends.bus, metrics);
  const ground: Ground = {
    config,
    log,
    clock,
    metrics,
    store,
    records,
    bus,
    tracer: openTracing(version),
    failing,
  };

  // Stopped once before the director, so that it stores what is on its way, and behind it for good.
  const logService = { name: "log", start: () => records.open(), stop: () => records.stop() };
  signal.addEventListener("abort", () => void (isServing || logService.stop()), { once: true });
  if (has("receiver") || has("director")) await begin(logService);
  else {
    // Clients are served without it: what they publish meanwhile is refused.
    started.push(logService);
    logService.start().catch((failure) => started.length > 0 && broke("the log can't be used", failure));
  }
  const distributor = has("distributor") ? distributorOf(ground) : null;
  let edge: Edge | null = null;
  const access = keys === null ? null : await accessOf(ground, keys, (user) => edge?.sessions?.recheck(user));
  await begin({
    name: "bus",
    start: () =>
      bus.start(
        listenerOf(
          distributor?.listener ?? deaf,
          access,
          () => edge?.presence ?? null,
          (user) => edge?.erased(user),
        ),
      ),
    stop: () => bus.stop(),
  });
  for (const service of access?.services ?? []) {
    started.push(service);
    await waiting.until("the store", () => service.start());
  }
  if (distributor !== null) await begin(distributor);
  // A log that keeps no offsets is read where it is appended to.
  if (has("director") || keptLog === null) {
    director = directorOf(ground, keptLog !== null);
    await begin(director);
  }
  started.push({ ...logService, start: async () => {} });
  const certificate = await certificateOf(config);
  if (access !== null) {
    edge = edgeOf(ground, access, certificate, distributor, keptLog !== null, isShared);
    await begin(edge.presence);
    if (edge.sessions !== null) await begin(edge.sessions);
    await begin(edge.http);
    for (const service of edge.watches) await begin(service);
  }

  const serving: Serving = {
    version,
    roles: config.roles,
    url: edge?.url() ?? null,
    pageUrl: edge?.hasPage === true ? `${edge.url()}/` : null,
    operationsUrl: urlOf(operations.address()),
    dataDirectory: config.dataDirectory,
    signingKeyFile: keys?.signingKeyFile ?? null,
    apiKeyFile: keys?.apiKeyFile ?? null,
    keysMade: keys?.made ?? false,
  };
  if (serving.url !== null) await begin(announcement(config.dataDirectory, serving));
  isServing = true;
  return {
    serving,
    async drain() {
      isDraining = true;
      await edge?.sessions?.drain(config.drainWindowMs);
      for (const service of started.splice(0).reverse()) {
        log.debug({ service: service.name }, "stopping");
        await service.stop();
      }
    },
  };
}

/** A process without a distributor has nobody to tell. */
const deaf: BusListener = { message: () => {}, suspect: () => {} };

function distributorOf({ config, clock, metrics, store, bus, tracer }: Ground): Distributor {
  const tracePush = tracer === null ? null : tracePushes(tracer);
  const distributor = makeDistributor(
    { ...store, bus, clock, metrics: countDistributor(metrics), tracePush },
    { ...distributorDefaults, replay: config.replayRows },
  );
  metrics.gauge("carillon_hubs", () => distributor.hubCount());
  return distributor;
}

function directorOf(ground: Ground, keepsOffsets: boolean): Director {
  const { config, log, clock, metrics, store, records, bus, tracer, failing } = ground;
  const { coordination } = store;
  const counted = countDirector(metrics);
  const traced = tracer === null ? null : traceCommits(tracer);
  const owner = makeOwner();
  const failed = {
    apply: failing("a batch was not committed"),
    consume: failing("the log can't be read"),
    upkeep: failing("a step of upkeep failed"),
    retention: failing("what is old was not removed"),
  };
  const director = makeDirector({
    log: records,
    streams: store.streams,
    bus,
    clock,
    retention: { driver: store.retention, keepMs: config.retentionMs },
    ...(keepsOffsets
      ? {
          ownership: ownByLease({
            coordination,
            parts: records.parts,
            owner,
            clock,
            failed: failing("the leases of this director were not renewed"),
          }),
          coordination,
          acceptRestore: config.acceptRestore,
          mayKeepUp: async () => (await coordination.claim(owner, ["upkeep"], upkeepLeaseMs)).length > 0,
        }
      : { mayKeepUp: async () => config.roles.includes("director") }),
    events: {
      committed(commit) {
        counted.committed(commit);
        traced?.(commit);
      },
      ...countUpkeep(metrics, config.retentionMs, clock.now),
      failed: (what, failure, part) => failed[what](failure, { part }),
      overtaken: (part) => log.warn({ part }, "another director moved this part on"),
      replaying: (part, from, until) =>
        log.warn({ part, from, until }, "the store was restored; the log's records since are read again"),
    },
  });
  metrics.gauge("carillon_parts_held", () => director.held().length);
  return director;
}

const sharedStoreAskedMs = 2_000;
/** Trouble with the log for as long, and no success, is told by readiness. */
const logAwayMs = 3_000;

/** Upkeep passes to another director this long after the one that did it died. */
const upkeepLeaseMs = 15_000;
