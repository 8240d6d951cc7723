/**
 * What the request API takes and answers, beside notifications and frames: the schemas of openapi.json and the
 * types of whoever calls. Times are RFC 3339 timestamps.
 */
import Type, { type Static } from "typebox";
import { serverFrames } from "./frame-schemas.ts";
import { limits } from "./limits.ts";
import { type ProblemCode, problems } from "./problems.ts";
import { namePattern, type StreamName, streamPattern } from "./stream.ts";
import { durationPattern } from "./timestamp.ts";

const Stream = Type.Unsafe<StreamName>(
  Type.String({ pattern: streamPattern, description: "`user:<id>` or `topic:<name>`" }),
);
const Time = (description: string) => Type.String({ format: "date-time", description });
const Seq = Type.Integer({ minimum: 1, description: "Its place in the stream" });
const Next = Type.Union([Type.String(), Type.Null()], {
  description: "Pass it as `after` for the next page; null on the last",
});

export const UserId = Type.String({ pattern: namePattern, description: "A user's id" });
export const TopicName = Type.String({ pattern: namePattern, description: "A topic's name" });

export const FieldErrorSchema = Type.Object(
  {
    pointer: Type.Optional(
      Type.String({ description: 'Into the body: a JSON pointer (RFC 6901), "" for the whole' }),
    ),
    parameter: Type.Optional(Type.String({ description: "A name in the path or the query" })),
    header: Type.Optional(Type.String({ description: "A header's name" })),
    detail: Type.String(),
  },
  { description: "One place that is wrong" },
);

export const ProblemSchema = Type.Object(
  {
    type: Type.Unsafe<`urn:carillon:problem:${ProblemCode}`>(
      Type.String({ pattern: "^urn:carillon:problem:[a-z-]+$" }),
    ),
    code: Type.Unsafe<ProblemCode>(Type.Enum(Object.keys(problems))),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    title: Type.String(),
    detail: Type.String({ description: "About this very occurrence, for people" }),
    errors: Type.Optional(Type.Array(FieldErrorSchema, { maxItems: limits.errorsNamed })),
    retryMs: Type.Optional(Type.Integer({ minimum: 0, description: "Try again after this time" })),
    jitterMs: Type.Optional(Type.Integer({ minimum: 0, description: "and a random part of this" })),
    instance: Type.Optional(Type.String({ description: "The request, as the server's log has it" })),
  },
  { $id: "Problem", description: "Problem details (RFC 9457)" },
);

export const ReceiptSchema = Type.Object(
  {
    to: Stream,
    status: Type.Union(
      [
        Type.Literal("stored"),
        Type.Literal("accepted"),
        Type.Literal("duplicate"),
        Type.Literal("conflict"),
        Type.Literal("refused"),
      ],
      {
        description:
          "stored: it has this seq now. accepted: durable, and ask for its status later; or, with `durable: false`, ephemeral. duplicate: it was there already, under this seq. conflict: other content has this name. refused: `error` says why",
      },
    ),
    seq: Type.Optional(Seq),
    durable: Type.Optional(Type.Literal(false, { description: "Ephemeral: handed on, kept nowhere" })),
    error: Type.Optional(ProblemSchema),
  },
  { $id: "Receipt", description: "What became of it for one recipient" },
);

/** 202 for one notification. */
export const AcceptedSchema = Type.Object(
  {
    id: Type.String(),
    source: Type.String(),
    receipts: Type.Array(ReceiptSchema, { description: "One for each recipient, in the order of `to`" }),
  },
  { $id: "Accepted" },
);

export const RefusedSchema = Type.Object(
  {
    status: Type.Literal("refused"),
    id: Type.Optional(Type.String()),
    line: Type.Optional(Type.Integer({ minimum: 1, description: "Of an NDJSON body" })),
    error: ProblemSchema,
  },
  { $id: "Refused", description: "An item of a batch that was refused whole" },
);

/** 202 for a batch when every recipient of every item has it, 207 when not. */
export const BatchSchema = Type.Object(
  {
    results: Type.Array(Type.Union([AcceptedSchema, RefusedSchema]), {
      description: "One for each item, in their order",
    }),
  },
  { $id: "Batch" },
);

export const StatusSchema = Type.Object(
  {
    id: Type.String(),
    source: Type.String(),
    stream: Stream,
    seq: Seq,
    state: Type.Union([Type.Literal("stored"), Type.Literal("expired"), Type.Literal("gone")], {
      description: "gone: taken back, or replaced by a newer one with its collapse key",
    }),
    storedAt: Time("When it was committed"),
    expires: Type.Optional(Time("When it stops being of use")),
    received: Type.Optional(
      Type.Object(
        {
          total: Type.Integer({ minimum: 0 }),
          users: Type.Array(Type.Object({ user: UserId, at: Time("When its client said so") }), {
            maxItems: 100,
          }),
        },
        { description: "Where a receipt was asked for: who has it, the first 100 of them" },
      ),
    ),
  },
  { $id: "Status" },
);

export const TakenBackSchema = Type.Object(
  { id: Type.String(), source: Type.String(), stream: Stream, seq: Seq, state: Type.Literal("gone") },
  { $id: "TakenBack" },
);

export const TopicSchema = Type.Object(
  {
    topic: TopicName,
    owner: Type.String({ description: "`key:<name>` of the API key, or `user:<id>`" }),
    createdAt: Time("When it was first made"),
    subscribers: Type.Integer({ minimum: 0 }),
  },
  { $id: "Topic" },
);

export const TopicsSchema = Type.Object({ items: Type.Array(TopicSchema), next: Next }, { $id: "Topics" });

export const SubscriberSchema = Type.Object(
  {
    user: UserId,
    since: Type.Integer({
      minimum: 0,
      description: "The topic's head when they subscribed: what is newer is theirs",
    }),
  },
  { $id: "Subscriber" },
);

export const SubscribersSchema = Type.Object(
  { items: Type.Array(SubscriberSchema), next: Next },
  { $id: "Subscribers" },
);

export const TokenBodySchema = Type.Object(
  {
    ttl: Type.Optional(
      Type.String({ pattern: durationPattern, description: "`1s` to `24h`; `1h` when absent" }),
    ),
  },
  { $id: "TokenBody", additionalProperties: false },
);

export const TokenSchema = Type.Object(
  { token: Type.String({ description: "A JWT for the user's clients" }), expires: Time("When it ends") },
  { $id: "Token" },
);

export const PollSchema = Type.Object(
  {
    cursor: Type.String({ description: "Pass it to the next poll; opaque" }),
    frames: Type.Array(
      Type.Union([
        serverFrames.notification,
        serverFrames.gap,
        serverFrames.subscribe,
        serverFrames["caught-up"],
      ]),
    ),
  },
  { $id: "Poll" },
);

export const AckBodySchema = Type.Object(
  { stream: Stream, seq: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }) },
  { $id: "AckBody", additionalProperties: false },
);

export type Receipt = Static<typeof ReceiptSchema>;
export type Accepted = Static<typeof AcceptedSchema>;
export type Refused = Static<typeof RefusedSchema>;
export type Batch = Static<typeof BatchSchema>;
export type Status = Static<typeof StatusSchema>;
export type TakenBack = Static<typeof TakenBackSchema>;
export type Topic = Static<typeof TopicSchema>;
export type Subscriber = Static<typeof SubscriberSchema>;
export type Token = Static<typeof TokenSchema>;
export type Poll = Static<typeof PollSchema>;
