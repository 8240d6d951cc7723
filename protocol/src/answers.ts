/**
 * What the request API answers: schemas for openapi.json, types for whoever calls. Times are RFC 3339 timestamps.
 */
import Type, { type Static } from "typebox";
import { serverFrames, UnreadSchema } from "./frame-schemas.ts";
import { limits } from "./limits.ts";
import { type ProblemCode, problems } from "./problems.ts";
import { type Scope, scopes } from "./scopes.ts";
import { namePattern, type StreamName, streamPattern } from "./stream.ts";

const Stream = Type.Unsafe<StreamName>(
  Type.String({ pattern: streamPattern, description: "`user:<id>` or `topic:<name>`" }),
);
const Time = (description: string) => Type.String({ format: "date-time", description });
const Seq = Type.Integer({ minimum: 1, description: "Its place in the stream" });
const Next = Type.Union([Type.String(), Type.Null()], {
  description: "Pass it as `after` for the next page; null on the last",
});

const UserId = Type.String({ pattern: namePattern, description: "A user's id" });
const TopicName = Type.String({ pattern: namePattern, description: "A topic's name" });

const FieldErrorPart = Type.Object(
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

export const ProblemAnswer = Type.Object(
  {
    type: Type.Unsafe<`urn:carillon:problem:${ProblemCode}`>(
      Type.String({ pattern: "^urn:carillon:problem:[a-z-]+$" }),
    ),
    code: Type.Unsafe<ProblemCode>(Type.Enum(Object.keys(problems))),
    status: Type.Integer({ minimum: 400, maximum: 599 }),
    title: Type.String(),
    detail: Type.String({ description: "About this very occurrence, for people" }),
    errors: Type.Optional(Type.Array(FieldErrorPart, { maxItems: limits.errorsNamed })),
    retryMs: Type.Optional(Type.Integer({ minimum: 0, description: "Try again after this time" })),
    jitterMs: Type.Optional(Type.Integer({ minimum: 0, description: "and a random part of this" })),
    instance: Type.Optional(Type.String({ description: "The request, as the server's log has it" })),
  },
  { description: "Problem details (RFC 9457)" },
);

export const ReceiptAnswer = Type.Object(
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
    error: Type.Optional(ProblemAnswer),
  },
  { description: "What became of it for one recipient" },
);

/** 202 for one notification. A refused one is a problem, with these members where some recipients have it. */
export const AcceptedAnswer = Type.Object({
  id: Type.String(),
  source: Type.String(),
  receipts: Type.Array(ReceiptAnswer, { description: "One for each recipient, in the order of `to`" }),
});

/** One item of a batch. */
export const ItemAnswer = Type.Union(
  [
    AcceptedAnswer,
    Type.Object(
      {
        id: Type.String(),
        source: Type.String(),
        receipts: Type.Array(ReceiptAnswer),
        error: ProblemAnswer,
      },
      {
        description:
          "Some recipients don't have it: `error` is what is wrong, of several the one with the highest status",
      },
    ),
    Type.Object(
      {
        id: Type.Optional(Type.String()),
        source: Type.Optional(Type.String()),
        status: Type.Literal("refused"),
        error: ProblemAnswer,
      },
      { description: "Refused whole" },
    ),
  ],
  { description: "What became of one item" },
);

/** 202 for a batch when every recipient of every item has it, 207 when not. */
export const BatchAnswer = Type.Object({
  results: Type.Array(ItemAnswer, { description: "One for each item, in their order" }),
});

export const StatusAnswer = Type.Object({
  id: Type.String(),
  source: Type.String(),
  to: Stream,
  seq: Seq,
  state: Type.Union([Type.Literal("stored"), Type.Literal("expired"), Type.Literal("gone")], {
    description: "gone: taken back, or replaced by a newer one with its collapse key",
  }),
  stored: Time("When it was committed"),
  expires: Type.Optional(Time("When it stops being of use")),
  received: Type.Optional(
    Type.Object(
      {
        total: Type.Integer({ minimum: 0 }),
        users: Type.Array(Type.Object({ user: UserId, at: Time("When a client of theirs said so") }), {
          maxItems: 100,
        }),
      },
      { description: "Where a receipt was asked for: who has it, the first 100 of them" },
    ),
  ),
});

export const TopicAnswer = Type.Object({
  topic: TopicName,
  owner: Type.String({ description: "`key:<name>` of the API key, or `user:<id>`" }),
  created: Time("When it was made"),
  subscribers: Type.Integer({ minimum: 0 }),
});

export const TopicsAnswer = Type.Object({ topics: Type.Array(TopicAnswer, { maxItems: 1_000 }), next: Next });

export const SubscriberAnswer = Type.Object({
  user: UserId,
  since: Type.Integer({
    minimum: 0,
    description: "The topic's head when they subscribed: what is newer is theirs",
  }),
});

export const SubscribersAnswer = Type.Object({
  subscribers: Type.Array(SubscriberAnswer, { maxItems: 1_000 }),
  next: Next,
});

export const SubscribedAnswer = Type.Object({
  full: Type.Array(UserId, {
    description: "Who was left out, as they follow as many topics as is allowed",
  }),
});

export const TokenAnswer = Type.Object({
  token: Type.String({ description: "A JWT for the user's clients" }),
  jti: Type.String({ description: "Its id, by which it can be revoked alone" }),
  expires: Time("When it ends"),
});

export const TicketAnswer = Type.Object({
  ticket: Type.String({ description: "For `?ticket=`, once" }),
  expires: Time("When it ends, used or not"),
});

export const RevocationAnswer = Type.Object({
  user: Type.Optional(Type.String({ pattern: namePattern, description: "Whose; everybody's when absent" })),
  jti: Type.Optional(Type.String({ description: "That token alone" })),
  issuedBefore: Type.Optional(Time("All tokens issued before it")),
  until: Time("The last of these tokens has expired by then, and the revocation is forgotten"),
});

export const RevocationsAnswer = Type.Object({
  revocations: Type.Array(RevocationAnswer, { maxItems: 1_001 }),
});

const keyMembers = {
  name: Type.String({ description: "Unique; what logs and topics' owners call the key" }),
  scopes: Type.Array(Type.Unsafe<Scope>(Type.Enum([...scopes]))),
  sources: Type.Array(Type.String(), {
    description: "What it may send as: exact, or a prefix that ends in `*`",
  }),
  created: Time("When it was made"),
  expires: Type.Optional(Time("When it ends; absent where it doesn't")),
};

export const KeyAnswer = Type.Object(keyMembers);

export const NewKeyAnswer = Type.Object({
  ...keyMembers,
  secret: Type.String({ description: "The key itself: shown this once, and kept nowhere" }),
});

export const KeysAnswer = Type.Object({
  keys: Type.Array(KeyAnswer, { description: "All, by name, expired ones too" }),
});

export const ReadAnswer = Type.Object({
  stream: Stream,
  upTo: Type.Integer({
    minimum: 0,
    description: "What is read now: never less than before, never beyond the head",
  }),
  rev: Type.Integer({ minimum: 0, description: "Of the user: as in `unread`" }),
});

export const UnreadAnswer = UnreadSchema;

export const PollAnswer = Type.Object({
  cursor: Type.String({ description: "For the next poll; opaque" }),
  frames: Type.Array(
    Type.Union([
      serverFrames.notification,
      serverFrames.gap,
      serverFrames.subscribe,
      serverFrames.read,
      serverFrames.unread,
      serverFrames.goaway,
    ]),
  ),
});

export type Receipt = Static<typeof ReceiptAnswer>;
export type Accepted = Static<typeof AcceptedAnswer>;
export type Batch = Static<typeof BatchAnswer>;
export type Status = Static<typeof StatusAnswer>;
export type Topic = Static<typeof TopicAnswer>;
export type Token = Static<typeof TokenAnswer>;
export type Ticket = Static<typeof TicketAnswer>;
export type Key = Static<typeof KeyAnswer>;
export type NewKey = Static<typeof NewKeyAnswer>;
export type Poll = Static<typeof PollAnswer>;
