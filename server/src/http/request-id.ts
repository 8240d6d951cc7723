/** A request's name in answers and logs: the caller's, where it gives one that can stand in a log, else ours. */
import type { IncomingMessage } from "node:http";
import type { FastifyInstance, FastifyRequest } from "fastify";
import type { AddressOf } from "../address.ts";
import { uuidv7 } from "../uuid.ts";

export function requestId({ headers }: Pick<IncomingMessage, "headers">): string {
  const given = headers["x-request-id"];
  return typeof given === "string" && /^[A-Za-z0-9._~+/=:-]{1,128}$/.test(given) ? given : uuidv7(Date.now());
}

declare module "fastify" {
  interface FastifyInstance {
    readonly addressOf: AddressOf;
  }
}

export function nameRequests(app: FastifyInstance, addressOf: AddressOf): void {
  app.decorate("addressOf", addressOf);
  app.addHook("onRequest", (request, reply, done) => {
    reply.header("x-request-id", request.id);
    done();
  });
}

/** What a line in the log says of the request; the trace is that of W3C Trace Context, where there is one. */
export function logFields(request: FastifyRequest): Record<string, unknown> {
  const { id, method, routeOptions, headers, raw, server } = request;
  const traceparent = headers["traceparent"];
  const trace = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(String(traceparent))?.[1];
  const route = routeOptions.url ?? null;
  return {
    request: id,
    method,
    route,
    address: server.addressOf(raw),
    ...(trace === undefined ? {} : { trace }),
  };
}
