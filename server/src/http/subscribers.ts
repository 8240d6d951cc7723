import { SubscribedAnswer, SubscribersAnswer } from "@carillon/protocol/answers";
import { problem } from "@carillon/protocol/problems";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { mostSubscriptions, type Topics } from "../receiver/topics.ts";
import { Page, pageLimit, TopicName, UserId } from "./parameters.ts";
import { sendProblem } from "./problem-reply.ts";
import { noTopic } from "./topics.ts";

const OfTopic = Type.Object({ topic: TopicName }, { additionalProperties: false });
const One = Type.Object({ topic: TopicName, user: UserId }, { additionalProperties: false });
const Many = Type.Object(
  { users: Type.Array(UserId, { minItems: 1, maxItems: 1_000 }) },
  { additionalProperties: false },
);

const storage = ["storage-full", "storage-read-only"] as const;

export function subscribers(app: FastifyInstance, service: Topics): void {
  app.route<{ Params: Static<typeof OfTopic>; Querystring: Static<typeof Page> }>({
    method: "GET",
    url: "/v1/topics/:topic/subscribers",
    schema: { params: OfTopic, querystring: Page },
    config: {
      access: "topics",
      documented: {
        id: "listSubscribers",
        tag: "Subscribers",
        summary: "Who follows a topic, a page at a time",
        answers: { 200: ["A page of subscribers, by user", SubscribersAnswer] },
        problems: ["topic-invalid", "topic-not-found"],
      },
    },
    async handler({ params: { topic }, query: { after = "", limit = pageLimit } }, reply) {
      const page = await service.subscribers(topic, after, limit);
      return page === null
        ? sendProblem(reply, noTopic(topic))
        : { subscribers: page.items, next: page.next };
    },
  });

  app.route<{ Params: Static<typeof OfTopic>; Body: Static<typeof Many> }>({
    method: "PUT",
    url: "/v1/topics/:topic/subscribers",
    schema: { params: OfTopic, body: Many },
    config: {
      access: "topics",
      documented: {
        id: "putSubscribers",
        tag: "Subscribers",
        summary: "Subscribe many users",
        description: "Who follows the topic already keeps their place; nobody is unsubscribed.",
        answers: { 200: ["They follow the topic, but for those in `full`", SubscribedAnswer] },
        problems: ["topic-invalid", "topic-not-found", "body-invalid", "media-type-unsupported", ...storage],
      },
    },
    async handler({ params: { topic }, body: { users } }, reply) {
      const done = await service.subscribe(topic, [...new Set(users)]);
      return done === null ? sendProblem(reply, noTopic(topic)) : { full: done.full };
    },
  });

  app.route<{ Params: Static<typeof One> }>({
    method: "PUT",
    url: "/v1/topics/:topic/subscribers/:user",
    schema: { params: One },
    config: {
      access: "topics",
      documented: {
        id: "putSubscriber",
        tag: "Subscribers",
        summary: "Subscribe a user",
        answers: { 204: ["The user follows the topic", null] },
        problems: ["topic-invalid", "user-invalid", "topic-not-found", "subscriptions-too-many", ...storage],
      },
    },
    async handler({ params: { topic, user } }, reply) {
      const done = await service.subscribe(topic, [user]);
      if (done === null) return sendProblem(reply, noTopic(topic));
      if (done.full.length === 0) return reply.code(204).send();
      return sendProblem(
        reply,
        problem("subscriptions-too-many", `the user follows ${mostSubscriptions} topics already`),
      );
    },
  });

  app.route<{ Params: Static<typeof One> }>({
    method: "DELETE",
    url: "/v1/topics/:topic/subscribers/:user",
    schema: { params: One },
    config: {
      access: "topics",
      documented: {
        id: "deleteSubscriber",
        tag: "Subscribers",
        summary: "Unsubscribe a user",
        answers: { 204: ["The user doesn't follow the topic any more", null] },
        problems: ["topic-invalid", "user-invalid", "topic-not-found", "subscriber-not-found", ...storage],
      },
    },
    async handler({ params: { topic, user } }, reply) {
      const missing = await service.unsubscribe(topic, user);
      if (missing === null) return reply.code(204).send();
      if (missing === "topic") return sendProblem(reply, noTopic(topic));
      return sendProblem(reply, problem("subscriber-not-found", `${user} doesn't follow ${topic}`));
    },
  });
}
