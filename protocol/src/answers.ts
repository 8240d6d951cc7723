/**
 * What the request API answers: schemas for openapi.json, types for whoever calls. Times are RFC 3339 timestamps.
 */
import Type, { type Static } from "typebox";
import { CloudEventSchema, markMembers, StateSchema, serverFrames, UnreadSchema } from "./frame-schemas.ts";
import { limits } from "./limits.ts";
import { ProblemAnswer, ReceiptAnswer } from "./receipt.ts";
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
  subscribe: Type.Union([Type.Literal("open"), Type.Literal("closed")], {
    description: "open: users may follow it by themselves; closed: its owner and producers add them",
  }),
  publish: Type.Union([Type.Literal("granted"), Type.Literal("subscribers")], {
    description:
      "Who may publish beside producers and the owner: those with a grant, or all who follow it too",
  }),
  active: Type.Boolean({ description: "An inactive topic takes nothing new" }),
  keep: Type.Union([Type.String(), Type.Null()], {
    description: "How long what is published stays, such as `7d`; null: no bound",
  }),
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

export const GrantAnswer = Type.Object({ user: UserId, created: Time("When it was given") });

export const GrantsAnswer = Type.Object({ grants: Type.Array(GrantAnswer, { maxItems: 1_000 }), next: Next });

export const SubscriptionAnswer = Type.Object({
  topic: TopicName,
  since: Type.Integer({
    minimum: 0,
    description: "The topic's newest seq when the user began to follow it: what is newer is theirs",
  }),
});

export const SubscriptionsAnswer = Type.Object({
  subscriptions: Type.Array(SubscriptionAnswer, {
    maxItems: limits.subscriptions,
    description: "All, by topic",
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

const rev = Type.Integer({ minimum: 0, description: "Of the user: as in `unread`" });

export const MarkedAnswer = Type.Union([
  Type.Object({ stream: Stream, ...markMembers, rev }, { description: "What is marked of the stream now" }),
  Type.Object({ rev }, { description: "All was" }),
]);

export const UnreadAnswer = UnreadSchema;

export const InboxItemAnswer = Type.Object({
  stream: Stream,
  seq: Seq,
  event: CloudEventSchema,
  read: Type.Boolean(),
  archived: Type.Boolean(),
});

export const InboxAnswer = Type.Object({
  items: Type.Array(InboxItemAnswer, {
    maxItems: limits.inboxItems,
    description: "Newest first, by when they were stored",
  }),
  before: Type.Union([Type.String(), Type.Null()], {
    description: "Pass it as `before` for the next page; null on the last, and only there",
  }),
  cursor: Type.String({
    description: "Of the first page, on every page: a live session that begins with it brings what is newer",
  }),
  unread: UnreadSchema,
});

export const StateAnswer = StateSchema;

/** A user, as the server knows them. */
export const UserAnswer = Type.Object({
  user: UserId,
  unread: Type.Integer({ minimum: 0, description: "Notifications that they have not read" }),
  unseen: Type.Integer({ minimum: 0, description: "Of those, the ones beyond what was seen" }),
  subscriptions: Type.Integer({ minimum: 0, description: "How many topics they follow" }),
  state: Type.Integer({ minimum: 0, description: "The version of what the application keeps about them" }),
});
export const PresenceAnswer = Type.Object({
  online: Type.Boolean({ description: "Whether there is a session" }),
  complete: Type.Boolean({
    description: "Whether all servers could be asked: where not, there may be sessions that aren't told",
  }),
  count: Type.Integer({ minimum: 0, description: "How many sessions there are" }),
  sessions: Type.Array(
    Type.Object({
      session: Type.String({ description: "As `hello` says it" }),
      transport: Type.Union([Type.Literal("websocket"), Type.Literal("sse"), Type.Literal("poll")]),
      since: Time("When it began"),
      device: Type.Union([Type.String(), Type.Null()], { description: "The name that it gave" }),
    }),
    { maxItems: 100, description: "The first of them, the longest here first: 16 of a server, 100 in all" },
  ),
});
/** 202 for an erasing that takes longer than a moment. */
export const ErasingAnswer = Type.Object({
  user: UserId,
  done: Type.Literal(false, {
    description: "The rest goes within a while; the same request says whether it has",
  }),
});
export type PresenceTold = Static<typeof PresenceAnswer>;
export type User = Static<typeof UserAnswer>;

export const PollAnswer = Type.Object({
  cursor: Type.String({ description: "For the next poll; opaque" }),
  frames: Type.Array(
    Type.Union([
      serverFrames.notification,
      serverFrames.gap,
      serverFrames.subscribe,
      serverFrames.read,
      serverFrames.archive,
      serverFrames.unread,
      serverFrames.state,
      serverFrames.goaway,
    ]),
  ),
});

export type Accepted = Static<typeof AcceptedAnswer>;
export type Batch = Static<typeof BatchAnswer>;
export type Status = Static<typeof StatusAnswer>;
export type Grant = Static<typeof GrantAnswer>;
export type Topic = Static<typeof TopicAnswer>;
export type Token = Static<typeof TokenAnswer>;
export type Ticket = Static<typeof TicketAnswer>;
export type Key = Static<typeof KeyAnswer>;
export type NewKey = Static<typeof NewKeyAnswer>;
export type Inbox = Static<typeof InboxAnswer>;
export type Poll = Static<typeof PollAnswer>;
