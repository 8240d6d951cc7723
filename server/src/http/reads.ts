import { ReadAnswer, UnreadAnswer } from "@carillon/protocol/answers";
import type { UnreadCount } from "@carillon/protocol/frames";
import { problem } from "@carillon/protocol/problems";
import type { StreamName } from "@carillon/protocol/stream";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { clientOf } from "./authorize.ts";
import { Stream } from "./parameters.ts";
import { sendProblem } from "./problem-reply.ts";

/** What a user has read, and what not. Both reject as the store does. */
export interface Reads {
  /** Durable when resolved. Null: the user doesn't follow the stream. */
  read(
    user: string,
    stream: StreamName,
    upTo: number,
  ): Promise<{ readonly readSeq: number; readonly rev: number } | null>;
  unread(user: string): Promise<UnreadCount>;
}

const Read = Type.Object(
  {
    stream: Stream,
    upTo: Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: "The last that is read; beyond the stream's head it means the head",
    }),
  },
  { additionalProperties: false },
);

export function reads(app: FastifyInstance, service: Reads): void {
  app.route<{ Body: Static<typeof Read> }>({
    method: "POST",
    url: "/v1/read",
    schema: { body: Read },
    config: {
      access: "client",
      documented: {
        id: "read",
        tag: "Clients",
        summary: "Say what the user has read",
        description:
          "Everything up to here. Durable when answered; the larger wins, for all of the user's clients.",
        answers: { 200: ["What is read now", ReadAnswer] },
        problems: [
          "body-invalid",
          "not-followed",
          "media-type-unsupported",
          "storage-full",
          "storage-read-only",
        ],
      },
    },
    async handler(request, reply) {
      const { stream, upTo } = request.body;
      const mark = await service.read(clientOf(request).user, stream, upTo);
      return mark === null
        ? sendProblem(reply, problem("not-followed", "the user doesn't follow this stream"))
        : { stream, upTo: mark.readSeq, rev: mark.rev };
    },
  });

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
