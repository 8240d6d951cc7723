import { SubscribedAnswer, SubscribersAnswer } from "@carillon/protocol/answers";
import { limits } from "@carillon/protocol/limits";
import { problem } from "@carillon/protocol/problems";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Topics } from "../receiver/topics.ts";
import { askerOf } from "./authorize.ts";
import { OfTopic, Page, pageLimit, storageProblems, UserId, UserOfTopic } from "./parameters.ts";
import { isProblem, sendProblem } from "./problem-reply.ts";

const Many = Type.Object(
  { users: Type.Array(UserId, { minItems: 1, maxItems: 1_000 }) },
  { additionalProperties: false },
);

export function subscribers(app: FastifyInstance, service: Topics): void {
  app.route<{ Params: Static<typeof OfTopic>; Querystring: Static<typeof Page> }>({
    method: "GET",
    url: "/v1/topics/:topic/subscribers",
    schema: { params: OfTopic, querystring: Page },
    config: {
      access: "topics or client",
      documented: {
        id: "listSubscribers",
        tag: "Subscribers",
        summary: "Who follows a topic, a page at a time",
        answers: { 200: ["A page of subscribers, by user", SubscribersAnswer] },
        problems: ["topic-invalid", "topic-not-found", "forbidden"],
      },
    },
    async handler(request, reply) {
      const { after = "", limit = pageLimit } = request.query;
      const page = await service.subscribers(askerOf(request), request.params.topic, after, limit);
      return isProblem(page) ? sendProblem(reply, page) : { subscribers: page.items, next: page.next };
    },
  });

  app.route<{ Params: Static<typeof OfTopic>; Body: Static<typeof Many> }>({
    method: "PUT",
    url: "/v1/topics/:topic/subscribers",
    schema: { params: OfTopic, body: Many },
    config: {
      access: "topics or client",
      documented: {
        id: "putSubscribers",
        tag: "Subscribers",
        summary: "Subscribe many users",
        description: "Who follows the topic already keeps their place; nobody is unsubscribed.",
        answers: { 200: ["They follow the topic, but for those in `full`", SubscribedAnswer] },
        problems: [
          "topic-invalid",
          "topic-not-found",
          "forbidden",
          "body-invalid",
          "media-type-unsupported",
          ...storageProblems,
        ],
      },
    },
    async handler(request, reply) {
      const users = [...new Set(request.body.users)];
      const done = await service.subscribe(askerOf(request), request.params.topic, users);
      return isProblem(done) ? sendProblem(reply, done) : { full: done.full };
    },
  });

  app.route<{ Params: Static<typeof UserOfTopic> }>({
    method: "PUT",
    url: "/v1/topics/:topic/subscribers/:user",
    schema: { params: UserOfTopic },
    config: {
      access: "topics or client",
      documented: {
        id: "putSubscriber",
        tag: "Subscribers",
        summary: "Subscribe a user",
        answers: { 204: ["The user follows the topic", null] },
        problems: [
          "topic-invalid",
          "user-invalid",
          "topic-not-found",
          "forbidden",
          "subscriptions-too-many",
          ...storageProblems,
        ],
      },
    },
    async handler(request, reply) {
      const { topic, user } = request.params;
      const done = await service.subscribe(askerOf(request), topic, [user]);
      if (isProblem(done)) return sendProblem(reply, done);
      if (done.full.length === 0) return reply.code(204).send();
      return sendProblem(
        reply,
        problem("subscriptions-too-many", `the user follows ${limits.subscriptions} topics already`),
      );
    },
  });

  app.route<{ Params: Static<typeof UserOfTopic> }>({
    method: "DELETE",
    url: "/v1/topics/:topic/subscribers/:user",
    schema: { params: UserOfTopic },
    config: {
      access: "topics or client",
      documented: {
        id: "deleteSubscriber",
        tag: "Subscribers",
        summary: "Unsubscribe a user",
        answers: { 204: ["The user doesn't follow the topic any more", null] },
        problems: [
          "topic-invalid",
          "user-invalid",
          "topic-not-found",
          "forbidden",
          "subscriber-not-found",
          ...storageProblems,
        ],
      },
    },
    async handler(request, reply) {
      const { topic, user } = request.params;
      const refused = await service.unsubscribe(askerOf(request), topic, user);
      return refused === null ? reply.code(204).send() : sendProblem(reply, refused);
    },
  });
}
