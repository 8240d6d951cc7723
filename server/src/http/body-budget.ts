/**
 * A bound on all bodies at once: what is being read or worked on. Each is within its own bound, and a thousand
 * of them still don't fit into memory.
 */
import { problem } from "@carillon/protocol/problems";
import type { FastifyInstance } from "fastify";
import { sendProblem } from "./problem-reply.ts";

/** Holds the routes that are registered from here on to `totalBytes`; a body of unknown length counts as `mostBytes`. */
export function budgetBodies(app: FastifyInstance, mostBytes: number, totalBytes: number): void {
  let taken = 0;
  app.addHook("onRequest", (request, reply, done) => {
    const length = Number(request.headers["content-length"] ?? Number.NaN);
    const bytes = Number.isNaN(length) ? mostBytes : Math.min(length, mostBytes);
    if (taken > 0 && taken + bytes > totalBytes) {
      const retry = { retryMs: 1_000, jitterMs: 1_000 };
      sendProblem(reply, problem("overloaded", "too many bodies are on their way at once", retry));
      return;
    }
    taken += bytes;
    reply.raw.once("close", () => {
      taken -= bytes;
    });
    done();
  });
}
