import { AcceptedAnswer } from "@carillon/protocol/answers";
import { Extension, properties } from "@carillon/protocol/notification";
import { traceOfHeaders } from "@carillon/protocol/trace-context";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { RateLimits } from "../access/rate-limits.ts";
import { type Publishing, recipientsOf } from "../receiver/publishing.ts";
import { clientOf } from "./authorize.ts";
import { readIdempotencyKey, sendAnswer } from "./notifications.ts";
import { OfTopic } from "./parameters.ts";
import { isProblem, sendProblem } from "./problem-reply.ts";
import { exceedsRate } from "./rates.ts";

const { to, topic: _, ...members } = properties;
const Published = Type.Object(
  { to: Type.Optional(to), ...members },
  {
    additionalProperties: Extension,
    description:
      "A notification, but for `source`, which is the user's own: absent, or `/users/` and the user's id. `to` is absent, or names some members of the topic",
  },
);

export function publishing(app: FastifyInstance, service: Publishing, rates: RateLimits): void {
  app.route<{ Params: Static<typeof OfTopic> }>({
    method: "POST",
    url: "/v1/topics/:topic/notifications",
    schema: { params: OfTopic },
    config: {
      access: "client",
      documented: {
        id: "publish",
        tag: "Topics",
        summary: "Publish to a topic, as a user",
        description:
          "Where the user is the owner or has a grant, or follows a topic that lets its subscribers publish. To all who follow it, or to those of them whom `to` names. Over WebSocket the `send` frame does the same.",
        bodies: { "application/json": Published },
        headers: {
          "Idempotency-Key": Type.String({
            description: "Stands for the id of a notification without one",
          }),
        },
        answers: { 202: ["It is durable", AcceptedAnswer] },
        problems: [
          "topic-invalid",
          "recipients-too-many",
          "idempotency-key-invalid",
          "forbidden",
          "source-forbidden",
          "topic-not-found",
          "subscriber-not-found",
          "topic-inactive",
          "conflict",
          "notification-too-large",
          "media-type-unsupported",
          "storage-full",
          "storage-read-only",
        ],
      },
    },
    async handler(request, reply) {
      const { topic } = request.params;
      const idempotencyKey = readIdempotencyKey(request.headers["idempotency-key"]);
      const client = clientOf(request);
      if (exceedsRate(rates, client, recipientsOf(request.body), reply)) return reply;
      const answer = await service.publish(client.user, topic, request.body, {
        fallbackId: idempotencyKey,
        trace: traceOfHeaders(request.headers),
      });
      return isProblem(answer) ? sendProblem(reply, answer) : sendAnswer(reply, answer);
    },
  });
}
