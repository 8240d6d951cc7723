import { StatusAnswer } from "@carillon/protocol/answers";
import { type Problem, problem } from "@carillon/protocol/problems";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { maySendAs } from "../access/principal.ts";
import type { Tracking } from "../receiver/tracking.ts";
import type { ApiKey } from "../store/access.ts";
import { producerOf } from "./authorize.ts";
import { Stream } from "./parameters.ts";
import { sendProblem } from "./problem-reply.ts";
import { problemError } from "./validation.ts";

const Id = Type.Object(
  { id: Type.String({ minLength: 1, maxLength: 256 }) },
  { additionalProperties: false },
);
const Where = Type.Object(
  {
    source: Type.String({ minLength: 1, maxLength: 256, description: "The notification's source" }),
    to: Stream,
  },
  { additionalProperties: false },
);

export function tracking(app: FastifyInstance, service: Tracking, storesLater: boolean): void {
  const notFound = (to: string): Problem => {
    const later = storesLater ? "; one that was accepted a moment ago is not stored yet: ask again" : "";
    return problem("notification-not-found", `${to} has no notification of this source and id${later}`);
  };

  app.route<{ Params: Static<typeof Id>; Querystring: Static<typeof Where> }>({
    method: "GET",
    url: "/v1/notifications/:id",
    schema: { params: Id, querystring: Where },
    config: {
      access: "send",
      documented: {
        id: "getNotification",
        tag: "Notifications",
        summary: "Where a notification is",
        answers: { 200: ["Its place and state", StatusAnswer] },
        problems: ["source-forbidden", "notification-not-found"],
      },
    },
    async handler(request, reply) {
      const { id } = request.params;
      const { source, to } = request.query;
      mustOwn(producerOf(request).key, source);
      const status = await service.find(to, source, id);
      if (status === null) return sendProblem(reply, notFound(to));
      const { seq, state, storedAt, expiresAt, received } = status;
      return {
        id,
        source,
        to,
        seq,
        state,
        stored: toTime(storedAt),
        ...(expiresAt === null ? {} : { expires: toTime(expiresAt) }),
        ...(received === null
          ? {}
          : {
              received: {
                total: received.total,
                users: received.users.map(({ user, at }) => ({ user, at: toTime(at) })),
              },
            }),
      };
    },
  });

  app.route<{ Params: Static<typeof Id>; Querystring: Static<typeof Where> }>({
    method: "DELETE",
    url: "/v1/notifications/:id",
    schema: { params: Id, querystring: Where },
    config: {
      access: "send",
      documented: {
        id: "takeBackNotification",
        tag: "Notifications",
        summary: "Take a notification back",
        description: "Whoever has not seen it won't. The same again changes nothing.",
        answers: { 204: ["It is taken back", null] },
        problems: ["source-forbidden", "notification-not-found", "storage-full", "storage-read-only"],
      },
    },
    async handler(request, reply) {
      const { source, to } = request.query;
      mustOwn(producerOf(request).key, source);
      const taken = await service.takeBack(to, source, request.params.id);
      return taken === null ? sendProblem(reply, notFound(to)) : reply.code(204).send();
    },
  });
}
function mustOwn(key: ApiKey, source: string): void {
  if (maySendAs(key, source)) return;
  throw problemError(problem("source-forbidden", `the key ${key.name} is bound to other sources`));
}

const toTime = (ms: number): string => new Date(ms).toISOString();
