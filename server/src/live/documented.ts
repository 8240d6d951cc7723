/** What the OpenAPI document says of the transports that are plain HTTP. */
import { PollAnswer } from "@carillon/protocol/answers";
import Type from "typebox";
import type { Documented } from "../http/documented.ts";

const query = {
  cursor: Type.String({ description: "Where the client stands: what it was given last" }),
  ticket: Type.String({ description: "Of `/v1/tickets`, instead of the token" }),
  device: Type.String({
    pattern: "^[!-~]{1,64}$",
    description: "A name under which the server remembers the place of this client",
  }),
};

const problems = ["cursor-invalid", "too-many-sessions", "ticket-invalid"] as const;

export const eventsDocumented: Documented = {
  id: "receiveEvents",
  tag: "Clients",
  summary: "Receive over Server-Sent Events",
  description: "The frames are described in asyncapi.json.",
  query,
  headers: { "Last-Event-ID": Type.String({ description: "As `cursor`, and wins over it" }) },
  answers: { 200: ["Frames, until either side ends it", Type.String()] },
  mediaType: "text/event-stream",
  problems,
};

export const pollDocumented: Documented = {
  id: "poll",
  tag: "Clients",
  summary: "Receive by long polling",
  query: {
    ...query,
    rev: Type.Integer({
      minimum: 0,
      maximum: 999_999_999_999_999,
      description:
        "That of the `unread` which the client has, 0 for none: begin with `unread` where it is another",
    }),
    state: Type.Integer({
      minimum: 0,
      maximum: 999_999_999_999_999,
      description:
        "The version of the `state` which the client has, 0 for none: begin with `state` where it is another",
    }),
    wait: Type.Number({
      minimum: 0,
      maximum: 999_999.999,
      default: 25,
      description: "Seconds to wait for something to come; at most what the server allows",
    }),
  },
  answers: { 200: ["What was missed or has come, and the cursor for the next poll", PollAnswer] },
  problems,
};
