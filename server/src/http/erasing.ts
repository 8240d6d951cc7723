import { ErasingAnswer } from "@carillon/protocol/answers";
import type { FastifyInstance } from "fastify";
import Type, { type Static } from "typebox";
import type { Erasing } from "../receiver/erasing.ts";
import { producerOf } from "./authorize.ts";
import { OfUser, storageProblems } from "./parameters.ts";
import { sendProblem } from "./problem-reply.ts";

const How = Type.Object(
  {
    topics: Type.Optional(
      Type.Unsafe<"delete" | "keep">(
        Type.Enum(["delete", "keep"], {
          default: "delete",
          description:
            "What becomes of the topics that the user owns; kept, they are the API key's from then on",
        }),
      ),
    ),
  },
  { additionalProperties: false },
);

export function erasing(app: FastifyInstance, service: Erasing): void {
  app.route<{ Params: Static<typeof OfUser>; Querystring: Static<typeof How> }>({
    method: "DELETE",
    url: "/v1/users/:user",
    schema: { params: OfUser, querystring: How },
    config: {
      access: "users",
      documented: {
        id: "eraseUser",
        tag: "Users",
        summary: "Erase a user and all that is theirs",
        description:
          "Sessions end at once, tokens issued before are refused. May be repeated; of somebody unknown it erases nothing.",
        answers: {
          202: [
            "Nobody is shown anything of theirs any more; the rest goes, over restarts too",
            ErasingAnswer,
          ],
          204: ["All is erased", null],
        },
        problems: ["user-invalid", "revocations-too-many", ...storageProblems],
      },
    },
    async handler(request, reply) {
      const { user } = request.params;
      const topicsTo = request.query.topics === "keep" ? `key:${producerOf(request).key.name}` : null;
      const done = await service.erase(user, topicsTo);
      if (typeof done !== "string") return sendProblem(reply, done);
      return done === "done" ? reply.code(204).send() : reply.code(202).send({ user, done: false });
    },
  });
}
