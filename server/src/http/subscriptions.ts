import { SubscriptionAnswer, SubscriptionsAnswer } from "@carillon/protocol/answers";
import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import type { Following } from "../receiver/following.ts";
import { clientOf } from "./authorize.ts";
import { OfTopic, storageProblems } from "./parameters.ts";
import { isProblem, sendProblem } from "./problem-reply.ts";

export function subscriptions(app: FastifyInstance, service: Following): void {
  app.route({
    method: "GET",
    url: "/v1/subscriptions",
    config: {
      access: "client",
      documented: {
        id: "listSubscriptions",
        tag: "Subscriptions",
        summary: "The topics that the user follows",
        answers: { 200: ["All of them, by topic", SubscriptionsAnswer] },
        problems: [],
      },
    },
    async handler(request, reply) {
      reply.header("cache-control", "no-store");
      return { subscriptions: await service.list(clientOf(request).user) };
    },
  });

  app.route<{ Params: Static<typeof OfTopic> }>({
    method: "GET",
    url: "/v1/subscriptions/:topic",
    schema: { params: OfTopic },
    config: {
      access: "client",
      documented: {
        id: "getSubscription",
        tag: "Subscriptions",
        summary: "Whether the user follows a topic",
        answers: { 200: ["They do", SubscriptionAnswer] },
        problems: ["topic-invalid", "subscriber-not-found"],
      },
    },
    async handler(request, reply) {
      const found = await service.get(clientOf(request).user, request.params.topic);
      return isProblem(found) ? sendProblem(reply, found) : found;
    },
  });

  app.route<{ Params: Static<typeof OfTopic> }>({
    method: "PUT",
    url: "/v1/subscriptions/:topic",
    schema: { params: OfTopic },
    config: {
      access: "client",
      documented: {
        id: "subscribe",
        tag: "Subscriptions",
        summary: "Follow an open topic",
        description:
          "What is published after the answer is shown. Who follows it already keeps their place. Over WebSocket the `subscribe` frame does the same.",
        answers: { 204: ["The user follows the topic", null] },
        problems: [
          "topic-invalid",
          "topic-not-found",
          "forbidden",
          "subscriptions-too-many",
          ...storageProblems,
        ],
      },
    },
    async handler(request, reply) {
      const refused = await service.follow(clientOf(request).user, request.params.topic);
      return refused === null ? reply.code(204).send() : sendProblem(reply, refused);
    },
  });

  app.route<{ Params: Static<typeof OfTopic> }>({
    method: "DELETE",
    url: "/v1/subscriptions/:topic",
    schema: { params: OfTopic },
    config: {
      access: "client",
      documented: {
        id: "unsubscribe",
        tag: "Subscriptions",
        summary: "Follow a topic no more",
        description: "Any topic, a closed one too. Over WebSocket the `unsubscribe` frame does the same.",
        answers: { 204: ["The user doesn't follow the topic any more", null] },
        problems: ["topic-invalid", "subscriber-not-found", ...storageProblems],
      },
    },
    async handler(request, reply) {
      const refused = await service.leave(clientOf(request).user, request.params.topic);
      return refused === null ? reply.code(204).send() : sendProblem(reply, refused);
    },
  });
}
