import { InboxAnswer, InboxItemAnswer } from "@carillon/protocol/answers";
import { limits } from "@carillon/protocol/limits";
import { textPattern, uriReferencePattern } from "@carillon/protocol/notification";
import { problem } from "@carillon/protocol/problems";
import { namePattern } from "@carillon/protocol/stream";
import { parseTimestamp, timestampPattern } from "@carillon/protocol/timestamp";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Inbox, InboxPage } from "../distributor/inbox.ts";
import { clientOf } from "./authorize.ts";
import { Stream } from "./parameters.ts";
import { sendProblem } from "./problem-reply.ts";

const Wanted = Type.Object(
  {
    limit: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: limits.inboxItems,
        default: 50,
        description: "How many at most; fewer, or none, doesn't mean that there are no more",
      }),
    ),
    before: Type.Optional(
      Type.String({
        description:
          "The `before` of the page before this one, with the same filters; the newest when absent",
      }),
    ),
    unread: Type.Optional(Type.Boolean({ default: false, description: "Only what counts as unread" })),
    archived: Type.Optional(
      Type.Enum(["false", "true", "any"], {
        default: "false",
        description: "What is archived: left out, alone, or along with the rest",
      }),
    ),
    silent: Type.Optional(
      Type.Boolean({ default: false, description: "Silent ones too; they never count as unread" }),
    ),
    own: Type.Optional(Type.Boolean({ default: false, description: "The user's own stream alone" })),
    topic: Type.Optional(
      Type.Array(Type.String({ pattern: namePattern }), {
        maxItems: limits.inboxTopics,
        description: `Of this topic alone, or of several (repeated, ${limits.inboxTopics} at most): its stream, and what was sent to some of its members`,
      }),
    ),
    type: Type.Optional(Type.String({ pattern: textPattern(256), description: "Of exactly this type" })),
    source: Type.Optional(
      Type.String({ pattern: uriReferencePattern, description: "From exactly this source" }),
    ),
    since: Type.Optional(
      Type.String({ pattern: timestampPattern, description: "Stored at this time or later" }),
    ),
  },
  { additionalProperties: false },
);

const Place = Type.Object(
  { stream: Stream, seq: Type.String({ pattern: "^[1-9][0-9]{0,14}$", description: "Its place there" }) },
  { additionalProperties: false },
);

const archivedOf = { false: "without", true: "only", any: "with" } as const;

const wrong = (parameter: string, detail: string) =>
  problem("parameter-invalid", `${parameter} ${detail}`, { errors: [{ parameter, detail }] });

export function inbox(app: FastifyInstance, service: Inbox): void {
  app.route<{ Querystring: Static<typeof Wanted> }>({
    method: "GET",
    url: "/v1/inbox",
    schema: { querystring: Wanted },
    config: {
      access: "client",
      documented: {
        id: "inbox",
        tag: "Clients",
        summary: "What the user sees, page by page",
        description:
          "The user's own stream and the topics that they follow, newest first. Load pages until `before` is null, then open a live session with `cursor`: nothing is missed, nothing comes twice.",
        answers: { 200: ["A page", InboxAnswer] },
        problems: ["before-invalid"],
      },
    },
    async handler(request, reply) {
      const { limit = 50, before = null, archived = "false", topic = [], ...asked } = request.query;
      const { unread = false, silent = false, own = false, type = null, source = null } = asked;
      const since = asked.since === undefined ? null : parseTimestamp(asked.since);
      if (since === null && asked.since !== undefined)
        return sendProblem(reply, wrong("since", "is no day of the calendar"));
      const page = await service.page({
        user: clientOf(request).user,
        limit,
        before,
        filter: {
          unread,
          archived: archivedOf[archived as keyof typeof archivedOf],
          silent,
          own,
          topics: topic,
          type,
          source,
          since,
        },
      });
      if (page === "before-invalid")
        return sendProblem(reply, problem("before-invalid", "start without before"));
      reply.header("cache-control", "no-store").type("application/json; charset=utf-8");
      return reply.send(textOf(page));
    },
  });

  app.route<{ Params: Static<typeof Place> }>({
    method: "GET",
    url: "/v1/inbox/:stream/:seq",
    schema: { params: Place },
    config: {
      access: "client",
      documented: {
        id: "inboxItem",
        tag: "Clients",
        summary: "One notification that the user sees",
        description: "Whatever pages would show, with all filters open: archived and silent ones too.",
        answers: { 200: ["The notification", InboxItemAnswer] },
        problems: ["notification-not-found"],
      },
    },
    async handler(request, reply) {
      const { stream, seq } = request.params;
      const item = await service.item(clientOf(request).user, stream, Number(seq));
      if (item === null)
        return sendProblem(reply, problem("notification-not-found", `${stream} shows this user no ${seq}`));
      reply.header("cache-control", "no-store").type("application/json; charset=utf-8");
      return reply.send(itemText(item));
    },
  });
}

/** Events are JSON already, and aren't parsed on their way. */
function textOf({ items, ...rest }: InboxPage): string {
  return `{"items":[${items.map(itemText).join(",")}],${JSON.stringify(rest).slice(1)}`;
}

const itemText = ({ stream, seq, body, read, archived }: InboxPage["items"][number]): string =>
  `{"stream":"${stream}","seq":${seq},"event":${body},"read":${read},"archived":${archived}}`;
