/** The request API over the embedded backends, all of them real, in a directory of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scope } from "@carillon/protocol/scopes";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { keyringDefaults, openKeyring } from "../../src/access/keyring.ts";
import { createKey } from "../../src/access/keys.ts";
import { openAccess } from "../../src/access/open.ts";
import { type RateLimitsOptions, rateLimitsDefaults } from "../../src/access/rate-limits.ts";
import { revocationsDefaults } from "../../src/access/revocations.ts";
import type { Tickets } from "../../src/access/tickets.ts";
import { longestTokenMs, type Tokens } from "../../src/access/tokens.ts";
import { makeAddressOf } from "../../src/address.ts";
import type { BusMessage } from "../../src/bus/driver.ts";
import { makeLocalBus } from "../../src/bus/local.ts";
import { type Clock, systemClock } from "../../src/clock.ts";
import { makeDirector } from "../../src/director/director.ts";
import { makeInbox } from "../../src/distributor/inbox.ts";
import { makeMarks, toldOf } from "../../src/distributor/marks.ts";
import { makeAuthorizer } from "../../src/http/authorize.ts";
import { allowsOrigin } from "../../src/http/origins.ts";
import { readPage } from "../../src/http/page.ts";
import { buildHttp, type HttpLimits, httpDefaults } from "../../src/http/server.ts";
import type { LogDriver } from "../../src/log/driver.ts";
import { makeInlineLog } from "../../src/log/inline.ts";
import { openErasing } from "../../src/receiver/erasing.ts";
import { openFollowing } from "../../src/receiver/following.ts";
import { openGrants } from "../../src/receiver/grants.ts";
import { rememberTopics } from "../../src/receiver/known-topics.ts";
import { openPublishing } from "../../src/receiver/publishing.ts";
import { openReceiver } from "../../src/receiver/receiver.ts";
import { openStates } from "../../src/receiver/states.ts";
import { openTopics } from "../../src/receiver/topics.ts";
import { openTracking } from "../../src/receiver/tracking.ts";
import { openSqlite } from "../../src/store/sqlite/open.ts";
import type { StoreBackend } from "../../src/store/store.ts";
import { makeLogger } from "../../src/telemetry/logger.ts";
import { makeMetrics } from "../../src/telemetry/metrics.ts";
import { unhurried } from "../clients.ts";

export interface Stage {
  readonly app: FastifyInstance;
  readonly store: StoreBackend;
  readonly tokens: Tokens;
  /** What the receiver and the director told the bus. */
  readonly told: BusMessage[];
  readonly logged: string[];
  readonly tickets: Tickets;
  /** Whose sessions were to be looked at again. */
  readonly revoked: (string | null)[];
  readonly acked: { user: string; stream: string; seq: number }[];
  /** A new API key, as an Authorization header. */
  key(wanted?: {
    name?: string;
    scopes?: readonly Scope[];
    sources?: readonly string[];
    expiresAt?: number;
  }): Promise<string>;
  /** Posts notifications with the first key; a value becomes JSON. */
  post(payload: unknown, headers?: Record<string, string>): Promise<LightMyRequestResponse>;
  ask(
    method: "GET" | "PUT" | "POST" | "PATCH" | "DELETE",
    url: string,
    payload?: object,
  ): Promise<LightMyRequestResponse>;
  /** The same as a user. */
  as(
    user: string,
    method: "GET" | "PUT" | "POST" | "PATCH" | "DELETE",
    url: string,
    payload?: object,
  ): Promise<LightMyRequestResponse>;
  inject(options: InjectOptions): Promise<LightMyRequestResponse>;
  readonly authorization: string;
  close(): Promise<void>;
}

export interface StageOptions {
  readonly clock?: Clock;
  readonly limits?: Partial<HttpLimits>;
  readonly sizeBytes?: number;
  readonly mostKeys?: number;
  readonly topicsPerUser?: number;
  readonly mostRevocations?: number;
  readonly origins?: readonly string[];
  readonly rates?: Partial<RateLimitsOptions>;
  /** Stands in front of the log, to make it fail. */
  readonly log?: (log: LogDriver) => Pick<LogDriver, "append">;
}

export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const { clock = systemClock, limits = {}, sizeBytes = 65_536, mostKeys = keyringDefaults.most } = options;
  const directory = mkdtempSync(join(tmpdir(), "carillon-http-"));
  const store = await openSqlite({ directory, identityWindowMs: 86_400_000 });
  const local = makeLocalBus({ clock });
  const told: BusMessage[] = [];
  const bus = {
    publish(messages: readonly BusMessage[]) {
      told.push(...messages);
      local.publish(messages);
    },
  };
  const log = makeInlineLog({ clock });
  const director = makeDirector({ log, streams: store.streams, bus, clock });
  await log.start();
  await director.start();

  const known = rememberTopics(store.directory, clock);
  const logged: string[] = [];
  const metrics = makeMetrics();
  const acked: Stage["acked"] = [];
  const revoked: (string | null)[] = [];
  const access = await openAccess(
    {
      signingKeys: [Buffer.alloc(32, 7)],
      issuer: null,
      audience: null,
      lifetimeMs: longestTokenMs,
      keySetUrl: null,
      keySetFile: null,
      keySetAlgorithms: [],
      rates: { ...rateLimitsDefaults, ...unhurried, ...options.rates },
      revocations: {
        ...revocationsDefaults,
        bounds: { perUser: options.mostRevocations ?? 1_000, total: 100_000 },
      },
    },
    {
      access: store.access,
      bus: { ...local, ...bus },
      clock,
      metrics,
      revoked: (user) => void revoked.push(user),
      failed: (what, reason) => {
        throw new Error(what, { cause: reason });
      },
    },
  );
  const { tokens, keys, revocations } = access;
  await local.start({
    message: (message) => (message.type === "revoked" ? revocations.heard(message) : undefined),
    suspect: () => {},
  });
  for (const service of access.services) await service.start();
  const { directory: topics, grants } = store;
  const receiver = openReceiver({
    log: options.log?.(log) ?? log,
    bus,
    topics: known,
    grants,
    clock,
    metrics,
    sizeBytes,
  });
  const app = buildHttp({
    producers: {
      receiver,
      tracking: openTracking(store.streams, store.positions, bus, clock),
      storesLater: false,
      tokens,
      keyring: openKeyring(store.access, keys, clock, { most: mostKeys }),
      revocations,
      users: {
        unread: async (user) => toldOf(await store.positions.unread(user)),
        state: (user) => store.people.state(user),
        subscriptions: async (user) => (await topics.subscriptions(user)).length,
      },
      states: openStates(store.people, bus),
      erasing: openErasing({ people: store.people, revocations, bus, clock }),
      presence: { of: async () => ({ count: 0, sessions: [], complete: true }) },
    },
    clients: {
      acks: {
        async record(user, stream, seq) {
          acked.push({ user, stream, seq });
          return stream === `user:${user}` ? (seq > 1_000 ? "not-sent" : null) : "not-followed";
        },
      },
      marks: makeMarks(store.positions, bus),
      inbox: makeInbox(store.queries, { ask: (read) => read() }),
      following: openFollowing(topics, grants, bus),
      publishing: openPublishing(receiver, grants),
      tickets: access.tickets,
    },
    topics: {
      topics: openTopics({ directory: topics, grants, bus, known, perUser: options.topicsPerUser ?? 100 }),
      grants: openGrants(grants, topics),
    },
    page: readPage(),
    roles: null,
    authorizer: makeAuthorizer({ ...access, isRevoked: revocations.isRevoked }),
    rates: access.rates,
    allowsOrigin: (asking) => allowsOrigin(options.origins ?? [], asking),
    addressOf: makeAddressOf(["192.0.2.0/24"]),
    certificate: null,
    clock,
    metrics,
    log: makeLogger({ level: "debug", format: "json", write: (line) => void logged.push(line) }),
    limits: { ...httpDefaults, ...limits },
  });

  let serial = 0;
  const key: Stage["key"] = async (wanted = {}) => {
    const { secret, record } = createKey(
      {
        name: wanted.name ?? `key-${++serial}`,
        scopes: wanted.scopes ?? ["send", "topics", "users"],
        sources: wanted.sources ?? ["/shop"],
        expiresAt: wanted.expiresAt ?? null,
      },
      clock.now(),
    );
    await store.access.addKey(record);
    return `Bearer ${secret}`;
  };
  const authorization = await key();
  const inject: Stage["inject"] = (asked) =>
    app.inject({ ...asked, headers: { authorization, ...asked.headers } });

  return {
    app,
    store,
    tokens,
    told,
    logged,
    tickets: access.tickets,
    revoked,
    acked,
    key,
    authorization,
    inject,
    post: (payload, headers = {}) =>
      inject({
        method: "POST",
        url: "/v1/notifications",
        headers: { "content-type": "application/json", ...headers },
        payload: typeof payload === "string" || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload),
      }),
    ask: (method, url, payload) => inject(payload === undefined ? { method, url } : { method, url, payload }),
    as(user, method, url, payload) {
      const headers = { authorization: `Bearer ${tokens.issue(user, 60_000).token}` };
      return inject(payload === undefined ? { method, url, headers } : { method, url, headers, payload });
    },
    async close() {
      await app.close();
      for (const service of access.services) await service.stop();
      await director.stop();
      await log.stop();
      await store.stop();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The bodies that are kept in a stream, parsed, by seq. */
export async function kept(stage: Stage, stream: `user:${string}` | `topic:${string}`) {
  const { rows } = await stage.store.streams.read(stream, 0, 256);
  return rows.map(({ seq, body }) => ({ seq, event: body === null ? null : JSON.parse(body) }));
}
