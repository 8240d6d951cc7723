import { MarkedAnswer, UnreadAnswer } from "@carillon/protocol/answers";
import { changeMembers, seenMembers } from "@carillon/protocol/frame-schemas";
import type { UnreadCount } from "@carillon/protocol/frames";
import { type Mark, type MarkChange, type MarkKind, readMarkChange } from "@carillon/protocol/marks";
import { type Problem, problem } from "@carillon/protocol/problems";
import type { FastifyInstance } from "fastify";
import Type from "typebox";
import { clientOf } from "./authorize.ts";
import { sendProblem } from "./problem-reply.ts";

/** What a user has marked, and what isn't read. Both reject as the store does. */
export interface Marks {
  /** Durable when resolved. `mark` is of the stream that was named; null for all. */
  mark(
    user: string,
    kind: MarkKind,
    change: MarkChange,
  ): Promise<{ readonly mark: Mark | null; readonly rev: number } | "not-followed" | "too-many">;
  unread(user: string): Promise<UnreadCount>;
}

const notMarked = {
  "not-followed": problem("not-followed", "the user doesn't follow this stream"),
  "too-many": problem("marks-too-many", "too many single marks in this stream; say upTo"),
} as const;

/** Why nothing was marked, for requests and frames. */
export const whyNotMarked = (reason: keyof typeof notMarked): Problem => notMarked[reason];

const kinds = [
  {
    kind: "read",
    summary: "Say what the user has read",
    members: changeMembers,
    description:
      "Exactly one of: `stream` and `upTo`, everything up to there; `stream` and `seqs`, single ones, and with `undo` unread again; `all`, everything that there is. Durable when answered, for all of the user's clients.",
  },
  {
    kind: "archive",
    summary: "Take notifications out of the inbox, or back",
    members: changeMembers,
    description:
      "They stay in the history, and don't count as unread. As with reading: `upTo`, `seqs`, with `undo` back again, or `all`.",
  },
  {
    kind: "seen",
    summary: "Say that the user has looked at the badge",
    members: seenMembers,
    description: "Exactly one of: `all`, everything that there is; `stream` and `upTo`. The larger wins.",
  },
] as const;

export function marks(app: FastifyInstance, service: Marks): void {
  for (const { kind, summary, description, members } of kinds) {
    app.route<{ Body: Readonly<Record<string, unknown>> }>({
      method: "POST",
      url: `/v1/${kind}`,
      schema: { body: Type.Object(members, { additionalProperties: false }) },
      config: {
        access: "client",
        documented: {
          id: kind,
          tag: "Clients",
          summary,
          description,
          answers: { 200: ["What is marked now", MarkedAnswer] },
          problems: [
            "body-invalid",
            "not-followed",
            ...(kind === "seen" ? [] : (["marks-too-many"] as const)),
            "media-type-unsupported",
            "storage-full",
            "storage-read-only",
          ],
        },
      },
      async handler(request, reply) {
        const change = readMarkChange(kind, request.body);
        if ("member" in change) {
          const { member, detail } = change;
          const pointer = member === "" ? "" : `/${member}`;
          const errors = [{ pointer, detail }];
          return sendProblem(reply, problem("body-invalid", `${pointer} ${detail}`.trim(), { errors }));
        }
        const marked = await service.mark(clientOf(request).user, kind, change);
        if (typeof marked === "string") return sendProblem(reply, whyNotMarked(marked));
        const { mark, rev } = marked;
        return "all" in change ? { rev } : { stream: change.stream, ...mark, rev };
      },
    });
  }

  app.route({
    method: "GET",
    url: "/v1/unread",
    config: {
      access: "client",
      documented: {
        id: "unread",
        tag: "Clients",
        summary: "What the user has not read",
        description:
          "Live sessions are told it: in `hello`, and when it changes by more than a notification.",
        answers: { 200: ["Counts, true up to the cursor", UnreadAnswer] },
        problems: [],
      },
    },
    handler: (request, reply) => {
      reply.header("cache-control", "no-store");
      return service.unread(clientOf(request).user);
    },
  });
}
