/**
 * What the request API answers with, as schemas: for the OpenAPI document, and for clients that check.
 */
import Type from "typebox";
import { problems } from "./problems.ts";
import { namePattern, type StreamName, streamPattern } from "./stream.ts";

const Stream = Type.Unsafe<StreamName>(Type.String({ pattern: streamPattern }));
const Name = Type.String({ pattern: namePattern });
const Time = Type.String({ format: "date-time", description: "An RFC 3339 timestamp" });
const Seq = Type.Integer({ minimum: 1, description: "Its place in the stream" });

const FieldErrorAnswer = Type.Object({
  pointer: Type.Optional(Type.String({ description: 'Into the body: a JSON pointer, "" for the whole' })),
  parameter: Type.Optional(Type.String({ description: "A name in the path or the query" })),
  header: Type.Optional(Type.String()),
  detail: Type.String(),
});

/** RFC 9457, with our members. */
export const ProblemAnswer = Type.Object(
  {
    type: Type.String({ pattern: "^urn:carillon:problem:[a-z-]+$" }),
    code: Type.Enum(Object.keys(problems)),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    title: Type.String(),
    detail: Type.String(),
    errors: Type.Optional(Type.Array(FieldErrorAnswer)),
    retryMs: Type.Optional(Type.Number({ minimum: 0 })),
    jitterMs: Type.Optional(Type.Number({ minimum: 0 })),
    instance: Type.Optional(Type.String({ description: "The request's id, as in `X-Request-Id`" })),
  },
  { description: "Problem details (RFC 9457)" },
);

/**
 * What became of a notification for one recipient.
 * - `stored`: durable, in its place.
 * - `accepted`: durable (or, with `durable: false`, on its way to live sessions only).
 * - `duplicate`: it was there before, the same; nothing changed.
 * - `conflict`: the same id with other content was there before; nothing changed.
 * - `refused`: `error` says why.
 */
export const ReceiptAnswer = Type.Object({
  to: Stream,
  status: Type.Enum(["stored", "accepted", "duplicate", "conflict", "refused"]),
  seq: Type.Optional(Seq),
  durable: Type.Optional(Type.Literal(false, { description: "Ephemeral: kept nowhere" })),
  error: Type.Optional(ProblemAnswer),
});

/** The answer to one notification. */
export const AcceptedAnswer = Type.Object({
  id: Type.String(),
  source: Type.String(),
  receipts: Type.Array(ReceiptAnswer),
});

/**
 * One item's answer in a batch, in the order of the request. `error` is there when something of it was refused:
 * without receipts the whole item, with them what they say.
 */
export const ItemAnswer = Type.Object({
  id: Type.Optional(Type.String()),
  source: Type.Optional(Type.String()),
  status: Type.Optional(Type.Literal("refused")),
  receipts: Type.Optional(Type.Array(ReceiptAnswer)),
  error: Type.Optional(ProblemAnswer),
});

export const BatchAnswer = Type.Object({ results: Type.Array(ItemAnswer) });

/** Where a notification is. `gone`: taken back, collapsed into a newer one, or expired and cleared away. */
export const StatusAnswer = Type.Object({
  id: Type.String(),
  source: Type.String(),
  to: Stream,
  seq: Seq,
  state: Type.Enum(["stored", "expired", "gone"]),
  stored: Time,
  expires: Type.Optional(Time),
  received: Type.Optional(
    Type.Object(
      {
        total: Type.Integer({ minimum: 0 }),
        users: Type.Array(Type.Object({ user: Name, at: Time }), {
          description: "The first 100 of them, the first first",
        }),
      },
      { description: "Who has received it; there when the notification asked for a receipt" },
    ),
  ),
});

export const TopicAnswer = Type.Object({
  topic: Name,
  owner: Type.String({ description: "`key:<name>` of an API key, or `user:<id>`" }),
  created: Time,
  subscribers: Type.Integer({ minimum: 0 }),
});

const next = Type.Union([Type.String(), Type.Null()], {
  description: "Give it as `after` for the next page; null on the last",
});

export const TopicsAnswer = Type.Object({ topics: Type.Array(TopicAnswer), next });

export const SubscriberAnswer = Type.Object({
  user: Name,
  since: Type.Integer({ minimum: 0, description: "The topic's newest seq when the user began to follow" }),
});

export const SubscribersAnswer = Type.Object({ subscribers: Type.Array(SubscriberAnswer), next });

export const SubscribedAnswer = Type.Object({
  full: Type.Array(Name, { description: "Users who follow as many topics as they may, and were left out" }),
});

export const TokenAnswer = Type.Object({ token: Type.String(), expires: Time });
