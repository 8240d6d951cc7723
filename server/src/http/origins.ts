/**
 * Pages of which origins may use the server from a browser (the Fetch Standard's CORS protocol). None but the server's
 * own, until somebody names them. What a page may call is what clients call: an API key has no place in a browser.
 *
 * Nothing rides on cookies, so an origin alone opens nothing; that it is asked at all keeps a stolen token from being
 * used by any page that its thief finds at hand.
 */
import { problem } from "@carillon/protocol/problems";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { sendProblem } from "./problem-reply.ts";

export interface Asking {
  readonly origin: string;
  readonly host: string | undefined;
  /** Whether it came over TLS that ends here. */
  readonly isSecure: boolean;
}

/** True for those that are named, `*` for any, and for pages of the host that was asked. */
export function allowsOrigin(allowed: readonly string[], { origin, host, isSecure }: Asking): boolean {
  if (allowed.includes("*") || allowed.includes(origin)) return true;
  const page = URL.parse(origin);
  if (page === null || host === undefined || page.host !== hostOf(page, host)) return false;
  // Where TLS ends before the server, its pages are https: and the request is not.
  return page.protocol === "https:" || (page.protocol === "http:" && !isSecure);
}

/** Without the port that its scheme has anyway. */
const hostOf = ({ protocol }: URL, host: string): string | undefined =>
  URL.parse(`${protocol}//${host}`)?.host;

const forbidden = problem("origin-forbidden", "the server doesn't allow pages of this origin");
const methods = "GET, POST, PUT, PATCH, DELETE";
const headers =
  "authorization, content-type, idempotency-key, last-event-id, traceparent, tracestate, x-request-id";
const exposed = "ratelimit, ratelimit-policy, retry-after, www-authenticate, x-request-id";
const preflightSeconds = 600;

/** Before the credentials are looked at, so that a page can read why it was refused. */
export function shareWithPages(app: FastifyInstance, allows: (asking: Asking) => boolean): void {
  const answerPreflight = (origin: string, reply: FastifyReply): void => {
    reply.headers({
      "access-control-allow-origin": origin,
      "access-control-allow-methods": methods,
      "access-control-allow-headers": headers,
      "access-control-max-age": preflightSeconds,
    });
    reply.code(204).send();
  };

  app.addHook("onRequest", (request, reply, done) => {
    const isPreflight = isAskedBefore(request);
    const isForPages = isPreflight
      ? isClients(app, request)
      : request.routeOptions.config.access === "client";
    if (!isForPages) return done();
    reply.header("vary", "Origin");
    const { origin, host } = request.headers;
    if (origin === undefined) return done();
    if (!allows({ origin, host, isSecure: request.protocol === "https" })) {
      sendProblem(reply, forbidden);
      return;
    }
    if (isPreflight) return answerPreflight(origin, reply);
    reply.header("access-control-allow-origin", origin).header("access-control-expose-headers", exposed);
    done();
  });
}

const isAskedBefore = ({ method, headers: asked }: FastifyRequest): boolean =>
  method === "OPTIONS" && asked["access-control-request-method"] !== undefined;

/** Whether clients are served under this path, by the method that the page is about to use. */
function isClients(app: FastifyInstance, { url, headers: asked }: FastifyRequest): boolean {
  const path = url.split("?", 1)[0]!;
  const wanted = asked["access-control-request-method"];
  return app.served.some(
    ({ url: route, method, config }) =>
      config?.access === "client" && [method].flat().includes(wanted as string) && app.matches(route, path),
  );
}
