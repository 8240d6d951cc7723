import { UnreadAnswer, UserAnswer } from "@carillon/protocol/answers";
import type { UnreadCount } from "@carillon/protocol/frames";
import type { FastifyInstance } from "fastify";
import type { Static } from "typebox";
import type { KeptState } from "../store/people.ts";
import { OfUser } from "./parameters.ts";

/** A user as producers see them. Everybody with an id is one: of somebody unknown it tells nothing. */
export interface Users {
  unread(user: string): Promise<UnreadCount>;
  state(user: string): Promise<KeptState>;
  /** How many topics they follow. */
  subscriptions(user: string): Promise<number>;
}

export function users(app: FastifyInstance, service: Users): void {
  app.route<{ Params: Static<typeof OfUser> }>({
    method: "GET",
    url: "/v1/users/:user",
    schema: { params: OfUser },
    config: {
      access: "users",
      documented: {
        id: "getUser",
        tag: "Users",
        summary: "A user at a glance",
        description: "Whoever has an id is a user: of one that was never heard of all is 0.",
        answers: { 200: ["What is known of the user", UserAnswer] },
        problems: ["user-invalid"],
      },
    },
    async handler({ params: { user } }, reply) {
      const [{ total, unseen }, { version }, subscriptions] = await Promise.all([
        service.unread(user),
        service.state(user),
        service.subscriptions(user),
      ]);
      reply.header("cache-control", "no-store");
      return { user, unread: total, unseen: unseen.total, subscriptions, state: version };
    },
  });

  app.route<{ Params: Static<typeof OfUser> }>({
    method: "GET",
    url: "/v1/users/:user/unread",
    schema: { params: OfUser },
    config: {
      access: "users",
      documented: {
        id: "getUserUnread",
        tag: "Users",
        summary: "What a user has not read",
        description: "As `GET /v1/unread` tells it to the user.",
        answers: { 200: ["Counts, true up to the cursor", UnreadAnswer] },
        problems: ["user-invalid"],
      },
    },
    handler: ({ params }, reply) => {
      reply.header("cache-control", "no-store");
      return service.unread(params.user);
    },
  });
}
