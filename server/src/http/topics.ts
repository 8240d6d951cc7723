import { TopicAnswer, TopicsAnswer } from "@carillon/protocol/answers";
import { type Problem, pointerTo, problem } from "@carillon/protocol/problems";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Topics } from "../receiver/topics.ts";
import type { Topic as TopicRow } from "../store/directory.ts";
import { producerOf } from "./authorize.ts";
import { Page, pageLimit, TopicName } from "./parameters.ts";
import { sendProblem } from "./problem-reply.ts";

const Params = Type.Object({ topic: TopicName }, { additionalProperties: false });

export const noTopic = (topic: string): Problem => problem("topic-not-found", `there is no topic ${topic}`);

const toAnswer = ({ topic, owner, createdAt, subscribers }: TopicRow) => ({
  topic,
  owner,
  created: new Date(createdAt).toISOString(),
  subscribers,
});

export function topics(app: FastifyInstance, service: Topics): void {
  app.route<{ Querystring: Static<typeof Page> }>({
    method: "GET",
    url: "/v1/topics",
    schema: { querystring: Page },
    config: {
      access: "topics",
      documented: {
        id: "listTopics",
        tag: "Topics",
        summary: "Topics by name, a page at a time",
        answers: { 200: ["A page of topics", TopicsAnswer] },
        problems: [],
      },
    },
    async handler({ query: { after = "", limit = pageLimit } }) {
      const { items, next } = await service.list(after, limit);
      return { topics: items.map(toAnswer), next };
    },
  });

  app.route<{ Params: Static<typeof Params> }>({
    method: "GET",
    url: "/v1/topics/:topic",
    schema: { params: Params },
    config: {
      access: "topics",
      documented: {
        id: "getTopic",
        tag: "Topics",
        summary: "A topic",
        answers: { 200: ["The topic", TopicAnswer] },
        problems: ["topic-invalid", "topic-not-found"],
      },
    },
    async handler({ params: { topic } }, reply) {
      const found = await service.get(topic);
      return found === null ? sendProblem(reply, noTopic(topic)) : toAnswer(found);
    },
  });

  app.route<{ Params: Static<typeof Params> }>({
    method: "PUT",
    url: "/v1/topics/:topic",
    schema: { params: Params },
    config: {
      access: "topics",
      documented: {
        id: "putTopic",
        tag: "Topics",
        summary: "Make a topic, or leave it as it is",
        description: "A topic that was deleted and is made again goes on with its old seqs.",
        bodies: { "application/json": Type.Object({}, { additionalProperties: false }) },
        bodyOptional: true,
        answers: { 200: ["It was there", TopicAnswer], 201: ["It was made", TopicAnswer] },
        problems: [
          "topic-invalid",
          "topic-not-found",
          "body-invalid",
          "media-type-unsupported",
          "storage-full",
          "storage-read-only",
        ],
      },
    },
    async handler(request, reply) {
      const { topic } = request.params;
      const unknown = bodyProblem(request.body);
      if (unknown !== null) return sendProblem(reply, unknown);
      const { topic: found, created } = await service.create(topic, `key:${producerOf(request).key.name}`);
      if (found === null) return sendProblem(reply, noTopic(topic));
      return reply.code(created ? 201 : 200).send(toAnswer(found));
    },
  });

  app.route<{ Params: Static<typeof Params> }>({
    method: "DELETE",
    url: "/v1/topics/:topic",
    schema: { params: Params },
    config: {
      access: "topics",
      documented: {
        id: "deleteTopic",
        tag: "Topics",
        summary: "Delete a topic, its subscriptions and its notifications",
        answers: { 204: ["It is gone", null] },
        problems: ["topic-invalid", "topic-not-found", "storage-full", "storage-read-only"],
      },
    },
    async handler({ params: { topic } }, reply) {
      return (await service.remove(topic)) ? reply.code(204).send() : sendProblem(reply, noTopic(topic));
    },
  });
}

/** Topics have no settings yet: an empty object, or nothing. */
function bodyProblem(body: unknown): Problem | null {
  if (body === undefined) return null;
  if (typeof body !== "object" || body === null || Array.isArray(body)) {
    return problem("body-invalid", "the body must be an object", {
      errors: [{ pointer: "", detail: "must be an object" }],
    });
  }
  const [name] = Object.keys(body);
  return name === undefined
    ? null
    : problem("body-invalid", `/${name} is not known`, {
        errors: [{ pointer: pointerTo("", name), detail: "is not known" }],
      });
}
