/**
 * Who may do what: each route says in its `config.access` who it is for; one that says nothing is not served.
 */
import { type Problem, problem } from "@carillon/protocol/problems";
import type { Scope } from "@carillon/protocol/scopes";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { isKeySecret, type Keys } from "../access/keys.ts";
import { type Client, hasScope, type Principal, type Producer } from "../access/principal.ts";
import type { Tickets } from "../access/tickets.ts";
import type { Tokens } from "../access/tokens.ts";
import { sendProblem } from "./problem-reply.ts";

/** For producers with a scope, for users' clients, for both, or for anybody. */
export type Access = Scope | "client" | "topics or client" | "anybody";

declare module "fastify" {
  interface FastifyContextConfig {
    access?: Access;
    /** A client may bring a ticket in the URL instead of its token. */
    takesTickets?: true;
  }
  interface FastifyRequest {
    principal: Principal | null;
  }
}

const isProblem = (value: Principal | Problem): value is Problem => "status" in value;

const missing = problem("unauthenticated", "the Authorization header must be: Bearer and a key or token");

const bearerOf = (authorization: string | undefined): string | null =>
  /^Bearer +([^\s]+) *$/i.exec(authorization ?? "")?.[1] ?? null;

export interface Authorizer {
  /** Rejects as the access port does. */
  producer(authorization: string | undefined, scope: Scope): Producer | Problem | Promise<Producer | Problem>;
  client(authorization: string | undefined): Client | Problem | Promise<Client | Problem>;
  /** The ticket is used up. */
  ticket(ticket: unknown): Promise<Client | Problem>;
}

export interface AuthorizerDeps {
  readonly keys: Pick<Keys, "find">;
  readonly tokens: Pick<Tokens, "verify">;
  readonly tickets: Pick<Tickets, "use">;
  readonly isRevoked: (client: Client) => boolean;
}

export function makeAuthorizer({ keys, tokens, tickets, isRevoked }: AuthorizerDeps): Authorizer {
  function judgeKey(key: Awaited<ReturnType<Keys["find"]>>, scope: Scope): Producer | Problem {
    if (key === null) return problem("key-invalid", "there is no such API key, or it has expired");
    const producer: Producer = { kind: "producer", key };
    return hasScope(producer, scope)
      ? producer
      : problem("forbidden", `the key ${key.name} lacks the scope ${scope}`);
  }

  const judgeToken = (verdict: Awaited<ReturnType<Tokens["verify"]>>): Client | Problem =>
    verdict.kind === "client" ? verdict : problem(verdict.code, verdict.detail);

  return {
    producer(authorization, scope) {
      const secret = bearerOf(authorization);
      if (secret === null) return missing;
      if (!isKeySecret(secret))
        return problem("key-invalid", "an API key is needed here: ck_ and 43 characters");
      const key = keys.find(secret);
      return key instanceof Promise ? key.then((found) => judgeKey(found, scope)) : judgeKey(key, scope);
    },
    client(authorization) {
      const token = bearerOf(authorization);
      if (token === null) return missing;
      if (isKeySecret(token))
        return problem("token-invalid", "a user's token is needed here, not an API key");
      const verdict = tokens.verify(token);
      return verdict instanceof Promise ? verdict.then(judgeToken) : judgeToken(verdict);
    },
    async ticket(ticket) {
      const client = typeof ticket === "string" ? await tickets.use(ticket) : null;
      if (client === null) return problem("ticket-invalid", "there is no such ticket, or not any more");
      return isRevoked(client) ? problem("token-revoked", "the token behind the ticket was revoked") : client;
    },
  };
}

/** Puts the authorizer before every route that is registered from here on. */
export function guard(app: FastifyInstance, authorizer: Authorizer): void {
  const judge = (access: Exclude<Access, "anybody">, request: FastifyRequest) => {
    const { authorization } = request.headers;
    if (!isForClient(access, authorization))
      return authorizer.producer(authorization, access === "topics or client" ? "topics" : (access as Scope));
    const { ticket } = request.query as { readonly ticket?: unknown };
    const hasTicket = authorization === undefined && ticket !== undefined;
    return hasTicket && request.routeOptions.config.takesTickets
      ? authorizer.ticket(ticket)
      : authorizer.client(authorization);
  };
  app.decorateRequest("principal", null);
  app.addHook("onRoute", ({ method, url, config }) => {
    if (config?.access === undefined) throw new Error(`${method} ${url} says nothing of who may use it`);
  });
  // Before the body is read: strangers don't get to fill memory. Without a promise where nothing has to wait.
  app.addHook("onRequest", (request, reply, done) => {
    const { access } = request.routeOptions.config;
    if (access === undefined || access === "anybody") return done();
    const settle = (verdict: Principal | Problem): void => {
      // Gone meanwhile: its end has been told already, and nothing that it takes from here on would be given back.
      if (reply.raw.destroyed) return;
      if (isProblem(verdict)) {
        sendProblem(reply, verdict);
        return;
      }
      request.principal = verdict;
      done();
    };
    const verdict = judge(access, request);
    if (verdict instanceof Promise) verdict.then(settle, done);
    else settle(verdict);
  });
}

const isForClient = (access: Access, authorization: string | undefined): boolean =>
  access === "client" || (access === "topics or client" && !isKeySecret(bearerOf(authorization) ?? ""));

/** Whoever is behind a request to a route for both. */
export function askerOf({ principal }: FastifyRequest): Principal {
  if (principal === null) throw new Error("the route is for anybody");
  return principal;
}

/** The producer behind a request to a route for producers. */
export function producerOf({ principal }: FastifyRequest): Producer {
  if (principal?.kind !== "producer") throw new Error("the route is not for producers");
  return principal;
}

/** The client behind a request to a route for clients. */
export function clientOf({ principal }: FastifyRequest): Client {
  if (principal?.kind !== "client") throw new Error("the route is not for clients");
  return principal;
}
