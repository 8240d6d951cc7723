import { RevocationAnswer, RevocationsAnswer } from "@carillon/protocol/answers";
import { type Problem, problem } from "@carillon/protocol/problems";
import { parseTimestamp, timestampPattern } from "@carillon/protocol/timestamp";
import type { FastifyInstance, FastifyReply } from "fastify";
import Type, { type Static } from "typebox";
import type { Revocations } from "../access/revocations.ts";
import { longestTokenId } from "../access/tokens.ts";
import type { Clock } from "../clock.ts";
import type { Revocation } from "../store/access.ts";
import { UserId } from "./parameters.ts";
import { sendProblem } from "./problem-reply.ts";

const Params = Type.Object({ user: UserId }, { additionalProperties: false });
const TokenId = Type.String({
  minLength: 1,
  maxLength: longestTokenId,
  description: "A token's `jti`: that token alone",
});
const IssuedBefore = Type.String({
  pattern: timestampPattern,
  description: "All tokens issued before this time, which may not be in the future; now when absent",
});
const WantedOfUser = Type.Object(
  { jti: Type.Optional(TokenId), issuedBefore: Type.Optional(IssuedBefore) },
  { additionalProperties: false },
);
const WantedOfAll = Type.Object(
  { issuedBefore: Type.Optional(IssuedBefore) },
  { additionalProperties: false },
);
const Which = Type.Object({ jti: Type.Optional(TokenId) }, { additionalProperties: false });

const iso = (at: number): string => new Date(at).toISOString();

const toAnswer = ({ user, tokenId, issuedBefore, until }: Revocation): Static<typeof RevocationAnswer> => ({
  ...(user === null ? {} : { user }),
  ...(tokenId === null ? {} : { jti: tokenId }),
  ...(issuedBefore === null ? {} : { issuedBefore: iso(issuedBefore) }),
  until: iso(until),
});

const wrong = (detail: string): Problem =>
  problem("body-invalid", `/issuedBefore ${detail}`, { errors: [{ pointer: "/issuedBefore", detail }] });

const made = [
  "The revocation. Sessions that hold such a token end at once, and no process takes it any more",
  RevocationAnswer,
] as const;
const creating = [
  "body-invalid",
  "media-type-unsupported",
  "revocations-too-many",
  "storage-full",
  "storage-read-only",
] as const;
const removing = ["revocation-not-found", "storage-full", "storage-read-only"] as const;

export function revocations(app: FastifyInstance, service: Revocations, clock: Pick<Clock, "now">): void {
  async function revoke(
    user: string | null,
    wanted: Static<typeof WantedOfUser>,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { jti = null, issuedBefore } = wanted;
    if (jti !== null && issuedBefore !== undefined)
      return sendProblem(reply, wrong("has no meaning with a jti"));
    // Up, so that a token of this very millisecond is among them.
    const now = Math.ceil(clock.now());
    const before = issuedBefore === undefined ? now : parseTimestamp(issuedBefore);
    if (before === null) return sendProblem(reply, wrong("is no day of the calendar"));
    if (before > now) return sendProblem(reply, wrong("is in the future"));
    const kept = await service.revoke({ user, tokenId: jti, issuedBefore: jti === null ? before : null });
    if (kept === null)
      return sendProblem(reply, problem("revocations-too-many", "revoke by time of issue instead"));
    return reply.code(201).send(toAnswer(kept));
  }

  const list = async (user: string | null) => ({ revocations: (await service.of(user)).map(toAnswer) });

  async function withdraw(
    user: string | null,
    jti: string | null,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    if (await service.withdraw({ user, tokenId: jti })) return reply.code(204).send();
    return sendProblem(reply, problem("revocation-not-found", "there is no such revocation"));
  }

  const tag = "Revocations";
  app.route<{ Params: Static<typeof Params>; Body: Static<typeof WantedOfUser> }>({
    method: "POST",
    url: "/v1/users/:user/revocations",
    schema: { params: Params, body: WantedOfUser },
    config: {
      access: "users",
      documented: {
        id: "revokeUser",
        tag,
        summary: "Revoke a user's token, or all issued before a time",
        answers: { 201: made },
        problems: ["user-invalid", ...creating],
      },
    },
    handler: ({ params, body }, reply) => revoke(params.user, body, reply),
  });
  app.route<{ Params: Static<typeof Params> }>({
    method: "GET",
    url: "/v1/users/:user/revocations",
    schema: { params: Params },
    config: {
      access: "users",
      documented: {
        id: "listUserRevocations",
        tag,
        summary: "A user's revocations",
        answers: { 200: ["Those in force", RevocationsAnswer] },
        problems: ["user-invalid"],
      },
    },
    handler: ({ params }) => list(params.user),
  });
  app.route<{ Params: Static<typeof Params>; Querystring: Static<typeof Which> }>({
    method: "DELETE",
    url: "/v1/users/:user/revocations",
    schema: { params: Params, querystring: Which },
    config: {
      access: "users",
      documented: {
        id: "withdrawUserRevocation",
        tag,
        summary: "Withdraw a user's revocation: of a token, else the one by time",
        answers: { 204: ["Here at once, elsewhere within a minute", null] },
        problems: ["user-invalid", ...removing],
      },
    },
    handler: ({ params, query }, reply) => withdraw(params.user, query.jti ?? null, reply),
  });

  app.route<{ Body: Static<typeof WantedOfAll> }>({
    method: "POST",
    url: "/v1/revocations",
    schema: { body: WantedOfAll },
    config: {
      access: "admin",
      documented: {
        id: "revokeEverybody",
        tag,
        summary: "Revoke everybody's tokens issued before a time",
        answers: { 201: made },
        problems: creating,
      },
    },
    handler: ({ body }, reply) => revoke(null, body, reply),
  });
  app.route({
    method: "GET",
    url: "/v1/revocations",
    config: {
      access: "admin",
      documented: {
        id: "listRevocations",
        tag,
        summary: "The revocation of everybody's tokens",
        answers: { 200: ["One, or none", RevocationsAnswer] },
        problems: [],
      },
    },
    handler: () => list(null),
  });
  app.route({
    method: "DELETE",
    url: "/v1/revocations",
    config: {
      access: "admin",
      documented: {
        id: "withdrawRevocation",
        tag,
        summary: "Withdraw the revocation of everybody's tokens",
        answers: { 204: ["Here at once, elsewhere within a minute", null] },
        problems: removing,
      },
    },
    handler: (_, reply) => withdraw(null, null, reply),
  });
}
