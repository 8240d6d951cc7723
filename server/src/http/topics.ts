import { TopicAnswer, TopicsAnswer } from "@carillon/protocol/answers";
import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import type { Topics } from "../receiver/topics.ts";
import { askerOf } from "./authorize.ts";
import { OfTopic, Page, pageLimit, storageProblems } from "./parameters.ts";
import { isProblem, sendProblem } from "./problem-reply.ts";
import { changesOf, TopicBody, topicAnswer, wantedOf } from "./topic-body.ts";
import { bodyChecker } from "./validation.ts";

const bodyProblem = bodyChecker(TopicBody);

export function topics(app: FastifyInstance, service: Topics): void {
  app.route<{ Querystring: Static<typeof Page> }>({
    method: "GET",
    url: "/v1/topics",
    schema: { querystring: Page },
    config: {
      access: "topics or client",
      documented: {
        id: "listTopics",
        tag: "Topics",
        summary: "Topics by name, a page at a time",
        description: "All of them for a producer; for a user, their own.",
        answers: { 200: ["A page of topics", TopicsAnswer] },
        problems: [],
      },
    },
    async handler(request) {
      const { after = "", limit = pageLimit } = request.query;
      const { items, next } = await service.list(askerOf(request), after, limit);
      return { topics: items.map(topicAnswer), next };
    },
  });

  app.route<{ Params: Static<typeof OfTopic> }>({
    method: "GET",
    url: "/v1/topics/:topic",
    schema: { params: OfTopic },
    config: {
      access: "topics or client",
      documented: {
        id: "getTopic",
        tag: "Topics",
        summary: "A topic",
        description:
          "For a user: one that is theirs or open, that they follow or may publish to. Any other isn't there.",
        answers: { 200: ["The topic", TopicAnswer] },
        problems: ["topic-invalid", "topic-not-found"],
      },
    },
    async handler(request, reply) {
      const found = await service.get(askerOf(request), request.params.topic);
      return isProblem(found) ? sendProblem(reply, found) : topicAnswer(found);
    },
  });

  app.route<{ Params: Static<typeof OfTopic> }>({
    method: "PUT",
    url: "/v1/topics/:topic",
    schema: { params: OfTopic },
    config: {
      access: "topics or client",
      documented: {
        id: "putTopic",
        tag: "Topics",
        summary: "Make a topic, or replace what it is",
        description:
          "What the body doesn't say is as by default, but for the owner of one that is there, who stays. Without a body, one that is there is left as it is. A topic that was deleted and is made again goes on with its old seqs.",
        bodies: { "application/json": TopicBody },
        bodyOptional: true,
        answers: { 200: ["It was there", TopicAnswer], 201: ["It was made", TopicAnswer] },
        problems: [
          "topic-invalid",
          "topic-not-found",
          "topic-taken",
          "topics-too-many",
          "forbidden",
          "body-invalid",
          "media-type-unsupported",
          ...storageProblems,
        ],
      },
    },
    async handler(request, reply) {
      const { body, params } = request;
      const wrong = body === undefined ? null : bodyProblem(body);
      if (wrong !== null) return sendProblem(reply, wrong);
      const wanted = body === undefined ? null : wantedOf(body as Static<typeof TopicBody>);
      if (isProblem(wanted)) return sendProblem(reply, wanted);
      const put = await service.put(askerOf(request), params.topic, wanted);
      if (isProblem(put)) return sendProblem(reply, put);
      return reply.code(put.created ? 201 : 200).send(topicAnswer(put.topic));
    },
  });

  app.route<{ Params: Static<typeof OfTopic>; Body: Static<typeof TopicBody> }>({
    method: "PATCH",
    url: "/v1/topics/:topic",
    schema: { params: OfTopic, body: TopicBody },
    config: {
      access: "topics or client",
      documented: {
        id: "changeTopic",
        tag: "Topics",
        summary: "Change some of what a topic is",
        description:
          "What the body doesn't say stays. It holds at once where it was asked, and within five seconds on every other server.",
        answers: { 200: ["The topic as it is now", TopicAnswer] },
        problems: ["topic-invalid", "topic-not-found", "forbidden", ...storageProblems],
      },
    },
    async handler(request, reply) {
      const changes = changesOf(request.body);
      if (isProblem(changes)) return sendProblem(reply, changes);
      const changed = await service.change(askerOf(request), request.params.topic, changes);
      return isProblem(changed) ? sendProblem(reply, changed) : topicAnswer(changed);
    },
  });

  app.route<{ Params: Static<typeof OfTopic> }>({
    method: "DELETE",
    url: "/v1/topics/:topic",
    schema: { params: OfTopic },
    config: {
      access: "topics or client",
      documented: {
        id: "deleteTopic",
        tag: "Topics",
        summary: "Delete a topic, its subscriptions, grants and notifications",
        answers: { 204: ["It is gone", null] },
        problems: ["topic-invalid", "topic-not-found", "forbidden", ...storageProblems],
      },
    },
    async handler(request, reply) {
      const refused = await service.remove(askerOf(request), request.params.topic);
      return refused === null ? reply.code(204).send() : sendProblem(reply, refused);
    },
  });
}
