/** A whole server of the embedded backends on a port of its own, for tests that talk to it from outside. */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { problem } from "@carillon/protocol/problems";
import type { StreamName } from "@carillon/protocol/stream";
import { type FastifyInstance, fastify } from "fastify";
import { onTestFinished } from "vitest";
import { makeRateLimits, type RateLimitsOptions, rateLimitsDefaults } from "../../src/access/rate-limits.ts";
import { makeAddressOf } from "../../src/address.ts";
import { makeLocalBus } from "../../src/bus/local.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { makeDirector } from "../../src/director/director.ts";
import { distributorDefaults, makeDistributor } from "../../src/distributor/distributor.ts";
import { noMetrics } from "../../src/distributor/metrics.ts";
import { guard } from "../../src/http/authorize.ts";
import { allowsOrigin } from "../../src/http/origins.ts";
import { makeArrivals } from "../../src/live/arrivals.ts";
import { type LiveLimits, liveDefaults, registerLive } from "../../src/live/live.ts";
import {
  makeSessions,
  noSessionsMetrics,
  type Sessions,
  type SessionsOptions,
  sessionsDefaults,
} from "../../src/live/sessions.ts";
import { makeInlineLog } from "../../src/log/inline.ts";
import { openFollowing } from "../../src/receiver/following.ts";
import { rememberTopics } from "../../src/receiver/known-topics.ts";
import { openPublishing } from "../../src/receiver/publishing.ts";
import { openReceiver } from "../../src/receiver/receiver.ts";
import { openSqlite } from "../../src/store/sqlite/open.ts";
import type { StoreBackend } from "../../src/store/store.ts";
import { makeMetrics } from "../../src/telemetry/metrics.ts";
import { clientOf, unhurried } from "../clients.ts";

export interface Stage {
  readonly app: FastifyInstance;
  readonly port: number;
  readonly store: StoreBackend;
  readonly sessions: Sessions;
  /** Why sessions were closed and requests refused. */
  readonly closed: string[];
  /** The user's tokens are good no more. */
  revoke(user: string): void;
  /** Stores notifications and answers when they are durable. */
  send(stream: StreamName, ...data: readonly unknown[]): Promise<void>;
}

export interface StageOptions {
  readonly limits?: Partial<LiveLimits>;
  readonly sessions?: Partial<SessionsOptions>;
  readonly clock?: Clock;
  readonly sessionsPerSecond?: number;
  readonly rates?: Partial<RateLimitsOptions>;
}

/** A clock that runs `times` as fast, for what takes heartbeats. */
export function makeFastClock(times: number): Clock {
  const startedAt = systemClock.now();
  return {
    now: () => startedAt + (systemClock.now() - startedAt) * times,
    after: (delayMs, run) => systemClock.after(delayMs / times, run),
    soon: systemClock.soon,
  };
}

const dayMs = 86_400_000;
let serial = 0;

/** The tokens of these tests say who and for how long; `expired` and `unavailable` are what they say. */
export const tokenOf = (user: string, ttlMs = dayMs): string => `token:${user}:${ttlMs}`;

export async function raiseStage(options: StageOptions = {}): Promise<Stage> {
  const clock = options.clock ?? systemClock;
  const directory = mkdtempSync(join(tmpdir(), "carillon-live-"));
  const store = await openSqlite({ directory, identityWindowMs: dayMs });
  const log = makeInlineLog({ clock });
  const bus = makeLocalBus({ clock });
  const director = makeDirector({ log, streams: store.streams, bus, clock });
  const distributor = makeDistributor({ ...store, bus, clock, metrics: noMetrics }, distributorDefaults);
  const closed: string[] = [];
  const { directory: topics, grants } = store;
  const receiver = openReceiver({
    log,
    bus,
    topics: rememberTopics(topics, clock),
    grants,
    clock,
    metrics: makeMetrics(),
    sizeBytes: 65_536,
  });
  const revoked = new Set<string>();
  const rates = makeRateLimits(
    { ...rateLimitsDefaults, ...unhurried, ...options.rates },
    clock,
    (kind) => void closed.push(kind),
  );
  const sessions = makeSessions(
    {
      distributor,
      clock,
      rates,
      isRevoked: (client) => revoked.has(client.user),
      verify: async () => ({ error: "not here", reason: "token-invalid" }),
      following: openFollowing(topics, grants, bus),
      publishing: openPublishing(receiver, grants),
      metrics: { ...noSessionsMetrics, closed: (reason) => closed.push(reason) },
      broken: (reason) => {
        throw reason;
      },
    },
    { ...sessionsDefaults, ...options.sessions },
  );
  const client = (authorization: string | undefined) => {
    const [, kind, user, ttlMs] = /^Bearer ([a-z]+)(?::(\w+):(\d+))?$/.exec(authorization ?? "") ?? [];
    if (kind === undefined) return problem("unauthenticated", "no token");
    if (kind === "expired") return problem("token-expired", "the token has expired");
    if (kind === "unavailable") return problem("unavailable", "the keys are away", { retryMs: 1_000 });
    if (user === undefined) return problem("token-invalid", "the signature is not genuine");
    return clientOf(user, clock.now() + Number(ttlMs));
  };
  const used = new Set<unknown>();
  const ticket = async (text: unknown) => {
    const isFirst = !used.has(text);
    used.add(text);
    const [, user] = /^ticket-(\w+)-\d+$/.exec(String(text)) ?? [];
    if (user === undefined || !isFirst) return problem("ticket-invalid", "there is no such ticket");
    return clientOf(user, clock.now() + dayMs);
  };
  const authorizer = { client, ticket, producer: () => problem("forbidden", "not here") };
  const app = fastify();
  app.decorate("refused", (code) => void closed.push(code));
  guard(app, authorizer);
  registerLive(app, {
    sessions,
    authorizer,
    allowsOrigin: (asking) => allowsOrigin(["https://app.example"], asking),
    addressOf: makeAddressOf([]),
    arrivals: makeArrivals(options.sessionsPerSecond ?? 100_000, clock),
    rates,
    metrics: { deferred: () => void closed.push("deferred"), unauthenticated: () => {} },
    limits: { ...liveDefaults, closeMs: 100, ...options.limits },
    clock,
    broken: (reason) => {
      throw reason;
    },
  });
  await log.start();
  await bus.start(distributor.listener);
  await director.start();
  await distributor.start();
  await sessions.start();
  await app.listen({ port: 0, host: "127.0.0.1" });

  onTestFinished(async () => {
    await sessions.stop();
    await app.close();
    await log.stop();
    await director.stop();
    await distributor.stop();
    await bus.stop();
    await store.stop();
    rmSync(directory, { recursive: true, force: true });
  });

  return {
    app,
    port: (app.server.address() as AddressInfo).port,
    store,
    sessions,
    closed,
    revoke(user) {
      revoked.add(user);
      sessions.recheck(user);
    },
    async send(stream, ...data) {
      const records = data.map((value) => {
        const id = String(serial++);
        return {
          stream,
          key: id.padStart(22, "k"),
          digest: id.padStart(22, "d"),
          silent: false,
          collapseKey: null,
          expiresAt: null,
          receipt: false,
          acceptedAt: clock.now(),
          body: JSON.stringify({ specversion: "1.0", id, source: "/test", type: "test", data: value }),
        };
      });
      await log.append(records);
    },
  };
}
