import { TokenAnswer } from "@carillon/protocol/answers";
import { problem } from "@carillon/protocol/problems";
import { durationPattern, parseDuration } from "@carillon/protocol/timestamp";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Tokens } from "../access/tokens.ts";
import { UserId } from "./parameters.ts";
import { sendProblem } from "./problem-reply.ts";

const Params = Type.Object({ user: UserId }, { additionalProperties: false });
const Wanted = Type.Object(
  {
    ttl: Type.Optional(
      Type.String({
        pattern: durationPattern,
        default: "1h",
        description: "How long it is good, at most `24h` or what the server allows",
      }),
    ),
  },
  { additionalProperties: false },
);

export function tokens(app: FastifyInstance, service: Tokens): void {
  app.route<{ Params: Static<typeof Params>; Body: Static<typeof Wanted> }>({
    method: "POST",
    url: "/v1/users/:user/tokens",
    schema: { params: Params, body: Wanted },
    config: {
      access: "users",
      documented: {
        id: "issueToken",
        tag: "Users",
        summary: "A token for a user's client",
        description: "For applications that have no identity provider of their own to sign tokens.",
        answers: { 201: ["The token; it isn't kept", TokenAnswer] },
        problems: ["user-invalid", "body-invalid", "media-type-unsupported"],
      },
    },
    async handler({ params: { user }, body: { ttl = "1h" } }, reply) {
      const ttlMs = parseDuration(ttl) ?? Number.POSITIVE_INFINITY;
      if (ttlMs > service.lifetimeMs) {
        const detail = `must be at most ${service.lifetimeMs / 1_000}s`;
        const errors = [{ pointer: "/ttl", detail }];
        return sendProblem(reply, problem("body-invalid", `/ttl ${detail}`, { errors }));
      }
      const { token, id, expiresAt } = service.issue(user, ttlMs);
      reply.header("cache-control", "no-store");
      return reply.code(201).send({ token, jti: id, expires: new Date(expiresAt).toISOString() });
    },
  });
}
