/**
 * What clients and producers connect to: the routes and sessions of the roles that a process has. A part of assemble.ts.
 */
import { randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import type { Server as SecureServer } from "node:tls";
import type { Access } from "./access/open.ts";
import type { Tokens } from "./access/tokens.ts";
import { type AddressOf, makeAddressOf } from "./address.ts";
import { urlOf } from "./announcement.ts";
import { watchCertificate } from "./callers.ts";
import type { Certificate } from "./certificate.ts";
import { type Config, roles } from "./config/options.ts";
import { countLive, countSessions } from "./count.ts";
import type { Distributor } from "./distributor/distributor.ts";
import { toldOf } from "./distributor/marks.ts";
import { makeRequestedAcks } from "./distributor/requested-acks.ts";
import type { Ground } from "./ground.ts";
import { type Authorizer, makeAuthorizer } from "./http/authorize.ts";
import { closeWithin } from "./http/closing.ts";
import { allowsOrigin } from "./http/origins.ts";
import { readPage, servesPage } from "./http/page.ts";
import { buildHttp, httpDefaults } from "./http/server.ts";
import type { Service } from "./lifecycle.ts";
import { makeArrivals } from "./live/arrivals.ts";
import { type LiveOptions, liveDefaults, registerLive } from "./live/live.ts";
import {
  makeSessions,
  type Sessions,
  type SessionsDeps,
  sessionsDefaults,
  type Verify,
} from "./live/sessions.ts";
import { openErasing } from "./receiver/erasing.ts";
import { openFollowing } from "./receiver/following.ts";
import { openGrants } from "./receiver/grants.ts";
import { rememberTopics } from "./receiver/known-topics.ts";
import { openPresence, type Presence } from "./receiver/presence.ts";
import { openPublishing } from "./receiver/publishing.ts";
import { openReceiver } from "./receiver/receiver.ts";
import { openStates } from "./receiver/states.ts";
import { openTopics } from "./receiver/topics.ts";
import { openTracking } from "./receiver/tracking.ts";
import { traceReceiver } from "./trace.ts";

export interface Edge {
  readonly sessions: Sessions | null;
  readonly presence: Presence;
  /** Lets go of a user who was erased. */
  erased(user: string): void;
  readonly http: Service;
  /** Of files that change what it serves with. */
  readonly watches: readonly Service[];
  url(): string;
  /** Whether there is a page at `/`. */
  readonly hasPage: boolean;
}

/** What clients and producers connect to: the routes of the roles that this process has. */
export function edgeOf(
  ground: Ground,
  access: Access,
  certificate: Certificate | null,
  distributor: Distributor | null,
  isKept: boolean,
  isShared: boolean,
): Edge {
  const { config, log, clock, metrics, store, records, bus, tracer } = ground;
  const authorizer = makeAuthorizer({ ...access, isRevoked: access.revocations.isRevoked });
  const addressOf = makeAddressOf(config.trustedProxies);
  const { directory, grants } = store;
  const known = rememberTopics(directory, clock);
  const sizeBytes = config.notificationBytes;
  const receiver = traceReceiver(
    openReceiver({ log: records, bus, topics: known, grants, clock, metrics, sizeBytes }),
    tracer,
  );
  const following = openFollowing(directory, grants, bus);
  const publishing = openPublishing(receiver, grants);
  const sessions =
    distributor === null ? null : sessionsOf(ground, access, { distributor, following, publishing });
  const presence = openPresence({
    bus,
    clock,
    asker: randomUUID(),
    sessionsOf: (user) => sessions?.present(user) ?? [],
    isShared,
  });
  const hasPage = distributor !== null && servesPage(config.page, config.postgresUrl.length > 0);
  const app = buildHttp({
    producers: config.roles.includes("receiver")
      ? {
          receiver,
          tracking: openTracking(store.streams, store.positions, bus, clock),
          storesLater: isKept,
          tokens: access.tokens,
          keyring: access.keyring,
          revocations: access.revocations,
          users: {
            unread: async (user) => toldOf(await store.positions.unread(user)),
            state: (user) => store.people.state(user),
            subscriptions: async (user) => (await store.directory.subscriptions(user)).length,
          },
          states: openStates(store.people, bus),
          presence,
          erasing: openErasing({ people: store.people, revocations: access.revocations, bus, clock }),
        }
      : null,
    clients:
      distributor === null
        ? null
        : {
            acks: makeRequestedAcks(distributor.acks, directory, store.streams),
            marks: distributor.marks,
            inbox: distributor.inbox,
            following,
            publishing,
            tickets: access.tickets,
          },
    topics: {
      topics: openTopics({ directory, grants, bus, known, perUser: config.topicsPerUser }),
      grants: openGrants(grants, directory),
    },
    page: hasPage ? readPage() : null,
    roles: roles.every((role) => config.roles.includes(role)) ? null : config.roles.join(" and "),
    authorizer,
    rates: access.rates,
    allowsOrigin: (asking) => allowsOrigin(config.origins, asking),
    addressOf,
    certificate,
    clock,
    log,
    metrics,
    limits: { ...httpDefaults, bodyBytes: config.bodyBytes, batchItems: config.batchItems },
  });
  if (sessions !== null) registerLive(app, liveOf(ground, access, sessions, authorizer, addressOf));
  let served = certificate;
  metrics.gauge("carillon_certificate_expiry_timestamp_seconds", () => (served?.validUntil ?? 0) / 1_000);
  const replace = (next: Certificate): void => {
    served = next;
    (app.server as unknown as SecureServer).setSecureContext({ cert: next.cert, key: next.key });
    log.info({ validUntil: new Date(next.validUntil).toISOString() }, "another certificate is served");
  };
  return {
    sessions,
    presence,
    erased(user) {
      sessions?.erased(user);
      distributor?.erased(user);
    },
    watches: certificate === null ? [] : [watchCertificate(ground, certificate, replace)],
    http: {
      name: "http",
      start: async () => void (await app.listen({ host: config.host, port: config.port })),
      stop: () => closeWithin(app, clock, graceMs(config)),
    },
    url: () => urlOf(app.server.address() as AddressInfo, certificate === null ? "http" : "https"),
    hasPage,
  };
}

function sessionsOf(
  { config, log, clock, metrics }: Ground,
  { tokens, revocations, rates }: Access,
  services: Pick<SessionsDeps, "distributor" | "following" | "publishing">,
): Sessions {
  const sessions = makeSessions(
    {
      ...services,
      clock,
      verify: verifyWith(tokens),
      isRevoked: revocations.isRevoked,
      rates,
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
  metrics.gauge("carillon_catching_up_sessions", () => sessions.catchingUp());
  return sessions;
}

const liveOf = (
  { config, log, clock, metrics }: Ground,
  { rates }: Access,
  sessions: Sessions,
  authorizer: Authorizer,
  addressOf: AddressOf,
): LiveOptions => ({
  sessions,
  authorizer,
  allowsOrigin: (asking) => allowsOrigin(config.origins, asking),
  addressOf,
  arrivals: makeArrivals(config.sessionsPerSecond, clock),
  rates,
  metrics: countLive(metrics),
  limits: {
    ...liveDefaults,
    frameBytes: config.frameBytes,
    framesPerSecond: config.framesPerSecond,
    unauthenticatedMs: config.unauthenticatedMs,
    unauthenticated: config.unauthenticatedSockets,
    unauthenticatedPerAddress: config.unauthenticatedPerAddress,
    pollWaitMs: config.pollWaitMs,
  },
  clock,
  broken: (reason: unknown) => log.error({ err: reason }, "a connection broke"),
});

const verifyWith =
  (tokens: Tokens): Verify =>
  async (token) => {
    const verdict = await tokens.verify(token);
    return verdict.kind === "client" ? verdict : { error: verdict.detail, reason: verdict.code };
  };

/** For requests under way when the clients have left: a part of what is left until the deadline. */
const graceMs = ({ drainWindowMs, drainDeadlineMs }: Config): number =>
  Math.min(5_000, (drainDeadlineMs - drainWindowMs) / 4);
