/** Holds callers to their rates, and tells them where they stand. */
import type { FastifyInstance, FastifyReply } from "fastify";
import type { Principal } from "../access/principal.ts";
import type { RateLimits } from "../access/rate-limits.ts";
import { sendProblem } from "./problem-reply.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** The route says in its own way that there are too many requests. */
    countsItself?: true;
  }
}

/** Behind `guard`: it knows who is asking. */
export function limitRates(app: FastifyInstance, limits: RateLimits): void {
  app.addHook("onRequest", ({ principal, routeOptions }, reply, done) => {
    if (principal === null) return done();
    const refused = routeOptions.config.countsItself ? null : limits.request(principal);
    reply.headers(limits.fields(principal));
    if (refused === null) done();
    else sendProblem(reply, refused);
  });
}

/** True when the notifications of this request may not pass; it is answered then. */
export function exceedsRate(
  limits: RateLimits,
  principal: Principal,
  count: number,
  reply: FastifyReply,
): boolean {
  const refused = limits.notifications(principal, count);
  reply.headers(limits.fields(principal));
  if (refused !== null) sendProblem(reply, refused);
  return refused !== null;
}
