import { GrantAnswer, GrantsAnswer } from "@carillon/protocol/answers";
import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import type { Grants } from "../receiver/grants.ts";
import type { Grant } from "../store/grants.ts";
import { askerOf } from "./authorize.ts";
import { OfTopic, Page, pageLimit, storageProblems, UserOfTopic } from "./parameters.ts";
import { isProblem, sendProblem } from "./problem-reply.ts";

const toAnswer = ({ user, createdAt }: Grant) => ({ user, created: new Date(createdAt).toISOString() });

export function grants(app: FastifyInstance, service: Grants): void {
  app.route<{ Params: Static<typeof OfTopic>; Querystring: Static<typeof Page> }>({
    method: "GET",
    url: "/v1/topics/:topic/grants",
    schema: { params: OfTopic, querystring: Page },
    config: {
      access: "topics or client",
      documented: {
        id: "listGrants",
        tag: "Grants",
        summary: "Who may publish to a topic by a grant, a page at a time",
        answers: { 200: ["A page of grants, by user", GrantsAnswer] },
        problems: ["topic-invalid", "topic-not-found", "forbidden"],
      },
    },
    async handler(request, reply) {
      const { after = "", limit = pageLimit } = request.query;
      const page = await service.list(askerOf(request), request.params.topic, after, limit);
      return isProblem(page)
        ? sendProblem(reply, page)
        : { grants: page.items.map(toAnswer), next: page.next };
    },
  });

  app.route<{ Params: Static<typeof UserOfTopic> }>({
    method: "GET",
    url: "/v1/topics/:topic/grants/:user",
    schema: { params: UserOfTopic },
    config: {
      access: "topics or client",
      documented: {
        id: "getGrant",
        tag: "Grants",
        summary: "Whether a user may publish by a grant",
        answers: { 200: ["The grant", GrantAnswer] },
        problems: ["topic-invalid", "user-invalid", "topic-not-found", "grant-not-found", "forbidden"],
      },
    },
    async handler(request, reply) {
      const { topic, user } = request.params;
      const grant = await service.get(askerOf(request), topic, user);
      return isProblem(grant) ? sendProblem(reply, grant) : toAnswer(grant);
    },
  });

  app.route<{ Params: Static<typeof UserOfTopic> }>({
    method: "PUT",
    url: "/v1/topics/:topic/grants/:user",
    schema: { params: UserOfTopic },
    config: {
      access: "topics or client",
      documented: {
        id: "putGrant",
        tag: "Grants",
        summary: "Let a user publish to a topic",
        answers: { 204: ["The user may publish", null] },
        problems: [
          "topic-invalid",
          "user-invalid",
          "topic-not-found",
          "forbidden",
          "grants-too-many",
          ...storageProblems,
        ],
      },
    },
    async handler(request, reply) {
      const { topic, user } = request.params;
      const refused = await service.put(askerOf(request), topic, user);
      return refused === null ? reply.code(204).send() : sendProblem(reply, refused);
    },
  });

  app.route<{ Params: Static<typeof UserOfTopic> }>({
    method: "DELETE",
    url: "/v1/topics/:topic/grants/:user",
    schema: { params: UserOfTopic },
    config: {
      access: "topics or client",
      documented: {
        id: "deleteGrant",
        tag: "Grants",
        summary: "Take a grant back",
        answers: { 204: ["The user may not publish by a grant any more", null] },
        problems: [
          "topic-invalid",
          "user-invalid",
          "topic-not-found",
          "grant-not-found",
          "forbidden",
          ...storageProblems,
        ],
      },
    },
    async handler(request, reply) {
      const { topic, user } = request.params;
      const refused = await service.remove(askerOf(request), topic, user);
      return refused === null ? reply.code(204).send() : sendProblem(reply, refused);
    },
  });
}
