import { TicketAnswer } from "@carillon/protocol/answers";
import type { FastifyInstance } from "fastify";
import type { Tickets } from "../access/tickets.ts";
import { clientOf } from "./authorize.ts";

export function tickets(app: FastifyInstance, service: Tickets): void {
  app.route({
    method: "POST",
    url: "/v1/tickets",
    config: {
      access: "client",
      documented: {
        id: "makeTicket",
        tag: "Clients",
        summary: "A ticket for a URL",
        description:
          "For `?ticket=` of `/v1/live`, `/v1/events` and `/v1/poll`, where a token would end in logs. Good once, for 60 seconds, on any node; what it opens ends when the token ends or is revoked.",
        answers: { 201: ["The ticket", TicketAnswer] },
        problems: [],
      },
    },
    async handler(request, reply) {
      const { ticket, expiresAt } = service.issue(clientOf(request));
      reply.header("cache-control", "no-store");
      return reply.code(201).send({ ticket, expires: new Date(expiresAt).toISOString() });
    },
  });
}
