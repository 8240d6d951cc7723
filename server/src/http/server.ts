/**
 * The request API: plain HTTP and JSON under /v1. Built without listening, so that tests can ask it without a
 * socket; whoever assembles the server listens, and closes it.
 */
import type { ProblemCode } from "@carillon/protocol/problems";
import Fastify, { type FastifyInstance } from "fastify";
import type { Keyring } from "../access/keyring.ts";
import type { RateLimits } from "../access/rate-limits.ts";
import type { Revocations } from "../access/revocations.ts";
import type { Tickets } from "../access/tickets.ts";
import type { Tokens } from "../access/tokens.ts";
import type { AddressOf } from "../address.ts";
import type { Certificate } from "../certificate.ts";
import type { Clock } from "../clock.ts";
import type { Inbox } from "../distributor/inbox.ts";
import type { Erasing } from "../receiver/erasing.ts";
import type { Following } from "../receiver/following.ts";
import type { Grants } from "../receiver/grants.ts";
import type { Presence } from "../receiver/presence.ts";
import type { Publishing } from "../receiver/publishing.ts";
import type { Receiver } from "../receiver/receiver.ts";
import type { States } from "../receiver/states.ts";
import type { Topics } from "../receiver/topics.ts";
import type { Tracking } from "../receiver/tracking.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { type Acks, acks } from "./acks.ts";
import { type Authorizer, guard } from "./authorize.ts";
import { budgetBodies } from "./body-budget.ts";
import { erasing } from "./erasing.ts";
import { answerEverything } from "./errors.ts";
import { grants } from "./grants.ts";
import { inbox } from "./inbox.ts";
import { keys } from "./keys.ts";
import { type Marks, marks } from "./marks.ts";
import { notifications } from "./notifications.ts";
import { type Asking, shareWithPages } from "./origins.ts";
import { type PageFile, page } from "./page.ts";
import { presence } from "./presence.ts";
import { refuseSocket, sendProblem, toProblem } from "./problem-reply.ts";
import { publishing } from "./publishing.ts";
import { limitRates } from "./rates.ts";
import { nameRequests, requestId } from "./request-id.ts";
import { revocations } from "./revocations.ts";
import { states } from "./states.ts";
import { subscribers } from "./subscribers.ts";
import { subscriptions } from "./subscriptions.ts";
import { takeJson } from "./take-json.ts";
import { tickets } from "./tickets.ts";
import { tokens } from "./tokens.ts";
import { topics } from "./topics.ts";
import { tracking } from "./tracking.ts";
import { type Users, users } from "./users.ts";
import { validateWithSchemas } from "./validation.ts";

export interface HttpLimits {
  /** A request's body with notifications; other bodies are held to 64 KB. */
  readonly bodyBytes: number;
  readonly batchItems: number;
  /** Bodies that are being read or worked on, all together. */
  readonly bodiesBytes: number;
  /** From the first byte of a request to the last of its headers, and of its body. */
  readonly headersMs: number;
  readonly requestMs: number;
}

export const httpDefaults: HttpLimits = {
  bodyBytes: 8 * 1_024 * 1_024,
  batchItems: 1_000,
  bodiesBytes: 128 * 1_024 * 1_024,
  headersMs: 10_000,
  requestMs: 30_000,
};

/** What producers ask for: the receiver's. */
export interface ProducerDeps {
  readonly receiver: Receiver;
  readonly tracking: Tracking;
  /** What was accepted is stored a moment later: until then it can't be found. */
  readonly storesLater: boolean;
  readonly tokens: Tokens;
  readonly keyring: Keyring;
  readonly revocations: Revocations;
  readonly users: Users;
  readonly states: States;
  readonly erasing: Erasing;
  readonly presence: Pick<Presence, "of">;
}

/** What clients ask for: the distributor's. */
export interface ClientDeps {
  readonly acks: Acks;
  readonly marks: Marks;
  readonly inbox: Inbox;
  readonly following: Following;
  readonly publishing: Publishing;
  readonly tickets: Tickets;
}

/** What both ask for. */
export interface TopicDeps {
  readonly topics: Topics;
  readonly grants: Grants;
}

export interface HttpDeps {
  /** Null where this process hasn't that role: its routes aren't there. */
  readonly producers: ProducerDeps | null;
  readonly clients: ClientDeps | null;
  readonly topics: TopicDeps;
  /** The page at `/`; null where there is none. */
  readonly page: readonly PageFile[] | null;
  /** What this process runs as, where others have the rest; null where it has all roles. */
  readonly roles: string | null;
  readonly authorizer: Authorizer;
  readonly rates: RateLimits;
  /** Whether pages of an origin may ask. */
  readonly allowsOrigin: (asking: Asking) => boolean;
  readonly addressOf: AddressOf;
  /** Null: plain HTTP. */
  readonly certificate: Certificate | null;
  readonly clock: Pick<Clock, "now">;
  readonly log: Logger;
  readonly metrics: Pick<Metrics, "counter">;
  readonly limits: HttpLimits;
}

const smallBodyBytes = 65_536;

export function buildHttp(deps: HttpDeps): FastifyInstance {
  const { limits, metrics, certificate } = deps;
  const http = {
    headersTimeout: limits.headersMs,
    connectionsCheckingInterval: Math.min(limits.headersMs, 5_000),
    requireHostHeader: false,
    maxHeaderSize: 16_384,
  };
  const refused = (code: ProblemCode): void => metrics.counter("carillon_refused_total", code).inc();
  const app = Fastify({
    logger: false,
    bodyLimit: smallBodyBytes,
    requestTimeout: limits.requestMs,
    genReqId: requestId,
    exposeHeadRoutes: false,
    forceCloseConnections: "idle",
    clientErrorHandler: (error, socket) => refuseSocket(error, socket, refused),
    frameworkErrors: (error, request, reply) => {
      sendProblem(reply.header("x-request-id", request.id), toProblem(error));
    },
    ...(certificate === null
      ? { http }
      : { https: { ...http, cert: certificate.cert, key: certificate.key } }),
    routerOptions: { maxParamLength: 4_096 },
  }) as FastifyInstance;
  app.decorate("refused", refused);
  nameRequests(app, deps.addressOf);
  answerEverything(app, deps.log, deps.roles);
  validateWithSchemas(app);
  app.removeAllContentTypeParsers();
  takeJson(app, "application/json");
  shareWithPages(app, deps.allowsOrigin);
  guard(app, deps.authorizer);
  limitRates(app, deps.rates);

  if (deps.producers !== null) serveProducers(app, deps.producers, deps);
  topics(app, deps.topics.topics);
  subscribers(app, deps.topics.topics);
  grants(app, deps.topics.grants);
  if (deps.clients !== null) {
    acks(app, deps.clients.acks);
    marks(app, deps.clients.marks);
    inbox(app, deps.clients.inbox);
    subscriptions(app, deps.clients.following);
    publishing(app, deps.clients.publishing, deps.rates);
    tickets(app, deps.clients.tickets);
  }
  if (deps.page !== null) page(app, deps.page);
  return app;
}

function serveProducers(app: FastifyInstance, producers: ProducerDeps, { limits, ...deps }: HttpDeps): void {
  app.register(async (scope) => {
    budgetBodies(scope, limits.bodyBytes, limits.bodiesBytes);
    notifications(scope, { ...deps, ...producers, ...limits });
  });
  tracking(app, producers.tracking, producers.storesLater);
  tokens(app, producers.tokens);
  revocations(app, producers.revocations, deps.clock);
  keys(app, producers.keyring);
  users(app, producers.users);
  states(app, producers.states);
  presence(app, producers.presence);
  erasing(app, producers.erasing);
}
