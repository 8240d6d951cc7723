/**
 * Whatever goes wrong is answered with a problem: what handlers throw, what the framework refuses, paths and
 * methods that nobody serves.
 */
import { problem } from "@carillon/protocol/problems";
import type { FastifyInstance, FastifyReply, FastifyRequest, RouteOptions } from "fastify";
import type { Logger } from "../telemetry/logger.ts";
import { sendProblem, toProblem } from "./problem-reply.ts";
import { logFields } from "./request-id.ts";
import { isProblemError } from "./validation.ts";

const noHost = problem("parameter-invalid", "a Host header is missing", {
  errors: [{ header: "Host", detail: "is missing" }],
});
const encoded = problem("media-type-unsupported", "a body must come without a Content-Encoding");

declare module "fastify" {
  interface FastifyInstance {
    /** All routes, as they were registered. */
    readonly served: readonly RouteOptions[];
    /** Whether a route's URL is meant by this path. */
    matches(route: string, path: string): boolean;
  }
}

/** `roles`: what this process runs as, where that isn't everything and a path may be served elsewhere. */
export function answerEverything(app: FastifyInstance, log: Logger, roles: string | null): void {
  const nothing = problem(
    "route-not-found",
    roles === null
      ? "nothing is served under this path"
      : `nothing is served under this path by a process that runs as ${roles} alone`,
  );
  const served: RouteOptions[] = [];
  app.decorate("served", served);
  app.decorate("matches", (route, path) => patternOf(route).test(path));
  app.addHook("onRoute", (route) => void served.push(route));

  // RFC 9112, section 3.2, asks for a Host; looked at here and not by the parser, which says no more than 400.
  app.addHook("onRequest", (request, reply, done) => {
    const { headers, raw } = request;
    if (headers.host === undefined && raw.httpVersion === "1.1") sendProblem(reply, noHost);
    else if (!/^(identity)?$/i.test(headers["content-encoding"] ?? "")) sendProblem(reply, encoded);
    else done();
  });
  // An expectation that isn't known may be ignored (RFC 9110, section 10.1.1).
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));

  const refuseUnserved = (request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    const path = request.url.split("?", 1)[0]!;
    const methods = served.flatMap(({ url, method }) => (patternOf(url).test(path) ? method : []));
    return methods.length === 0 ? sendProblem(reply, nothing) : refuseMethod(methods, request, reply);
  };
  app.setNotFoundHandler(refuseUnserved);

  app.setErrorHandler((error, request, reply) => {
    // Whatever is wrong with its body, what nobody serves is not served.
    if (request.is404) return refuseUnserved(request, reply);
    const what = isProblemError(error) ? error.problem : toProblem(error);
    const fields = { ...logFields(request), err: error };
    if (what.code === "internal") log.error(fields, "a request met a bug");
    else if (what.status >= 500) log.debug(fields, what.detail);
    // To close with a body unread resets the connection, and the answer is lost: its rest is read away instead.
    if (what.status === 413 || what.status === 415) reply.removeHeader("connection");
    return sendProblem(reply, what);
  });
}

const patternOf = (url: string): RegExp =>
  new RegExp(`^${url.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&").replaceAll(/:\w+/g, "[^/]+")}$`);

const refuseMethod = (
  methods: readonly string[],
  { method }: FastifyRequest,
  reply: FastifyReply,
): FastifyReply => {
  const allowed = methods.join(", ");
  return sendProblem(
    reply.header("allow", allowed),
    problem("method-not-allowed", `${method} is not among ${allowed}`),
  );
};
