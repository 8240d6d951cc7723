import { problem } from "@carillon/protocol/problems";
import type { StreamName } from "@carillon/protocol/stream";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import { clientOf } from "./authorize.ts";
import { Stream } from "./parameters.ts";
import { sendProblem } from "./problem-reply.ts";

/** What a client says that it has, over a request. */
export interface Acks {
  /**
   * Cumulative: the user has the stream up to `seq`, and so has the device where one is named. Says why not, where
   * it can't be. Rejects as the store does.
   */
  record(
    user: string,
    stream: StreamName,
    seq: number,
    device: string | null,
  ): Promise<"not-followed" | "not-sent" | null>;
}

const Ack = Type.Object(
  {
    stream: Stream,
    seq: Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: "The newest that the client has",
    }),
    device: Type.Optional(
      Type.String({
        pattern: "^[\\u0021-\\u007e]{1,64}$",
        description:
          "The device that has it, where it starts from what it acknowledged: 1 to 64 visible ASCII",
      }),
    ),
  },
  { additionalProperties: false },
);

const reasons = {
  "not-followed": "the user doesn't follow this stream",
  "not-sent": "the stream has nothing of this seq yet",
};

export function acks(app: FastifyInstance, service: Acks): void {
  app.route<{ Body: Static<typeof Ack> }>({
    method: "POST",
    url: "/v1/ack",
    schema: { body: Ack },
    config: {
      access: "client",
      documented: {
        id: "acknowledge",
        tag: "Clients",
        summary: "Say what a client has",
        description:
          "For clients on Server-Sent Events and long polling; over WebSocket the `ack` frame says the same.",
        answers: { 204: ["Noted", null] },
        problems: ["body-invalid", "not-followed", "not-sent", "media-type-unsupported"],
      },
    },
    async handler(request, reply) {
      const { stream, seq, device = null } = request.body;
      const refused = await service.record(clientOf(request).user, stream, seq, device);
      return refused === null
        ? reply.code(204).send()
        : sendProblem(reply, problem(refused, reasons[refused]));
    },
  });
}
