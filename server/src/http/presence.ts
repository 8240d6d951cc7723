import { PresenceAnswer } from "@carillon/protocol/answers";
import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import type { Presence } from "../receiver/presence.ts";
import { OfUser } from "./parameters.ts";

export function presence(app: FastifyInstance, service: Pick<Presence, "of">): void {
  app.route<{ Params: Static<typeof OfUser> }>({
    method: "GET",
    url: "/v1/users/:user/presence",
    schema: { params: OfUser },
    config: {
      access: "users",
      documented: {
        id: "getPresence",
        tag: "Users",
        summary: "Whether a user is here, and with which sessions",
        description:
          "Computed when it is asked, from live sessions; a client that polls is here for 30 seconds after a poll. Where servers share a bus, all are asked, which takes 300 ms.",
        answers: { 200: ["Who is here", PresenceAnswer] },
        problems: ["user-invalid"],
      },
    },
    async handler({ params: { user } }, reply) {
      const { count, sessions, complete } = await service.of(user);
      reply.header("cache-control", "no-store");
      return {
        online: count > 0,
        complete,
        count,
        sessions: sessions.map(({ session, transport, since, device }) => ({
          session,
          transport,
          since: new Date(since).toISOString(),
          device,
        })),
      };
    },
  });
}
