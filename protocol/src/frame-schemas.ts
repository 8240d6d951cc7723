/**
 * The frames as schemas: what asyncapi.json is made of. A type-level test holds them equal to the types in
 * frames.ts, where each member is explained. More members and more types of frames may come within
 * `carillon.v1`; whoever reads frames passes over what it doesn't know.
 */
import Type from "typebox";
import { limits } from "./limits.ts";
import { ReceiptAnswer } from "./receipt.ts";
import { namePattern, type StreamName, streamPattern } from "./stream.ts";

const Stream = Type.Unsafe<StreamName>(
  Type.String({ pattern: streamPattern, description: "`user:<id>` or `topic:<name>`" }),
);
const Seq = (description: string) =>
  Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description });
const Cursor = (description: string) =>
  Type.String({ pattern: "^[A-Za-z0-9_-]{8,5150}$", description: `${description}; opaque` });
const Topic = Type.String({ pattern: namePattern, description: "A topic's name" });
const Ref = Type.Optional(Seq("Chosen by the client; repeated in the `reply`"));

export const CloudEventSchema = Type.Object(
  {
    specversion: Type.Literal("1.0"),
    id: Type.String({ minLength: 1 }),
    source: Type.String({ minLength: 1 }),
    type: Type.String({ minLength: 1 }),
  },
  {
    additionalProperties: Type.Unknown(),
    description:
      "A CloudEvent 1.0 in its JSON format. Always with `time`; with `expirytime`, `collapsekey`, `silent`, `receipt` where the producer said so",
  },
);

/** Where a mark is: these two in frames and in answers. */
export const markMembers = {
  upTo: Seq("Everything up to here, but for `except`"),
  except: Type.Unsafe<readonly number[]>(
    Type.Array(Seq("A seq"), {
      maxItems: limits.marks,
      description: "Single ones: up to `upTo` those that are not, beyond it those that are. Ascending",
    }),
  ),
};

/** What to mark; exactly one of `upTo`, `seqs` and `all`. */
export const seenMembers = {
  stream: Type.Optional(Stream),
  upTo: Type.Optional(Seq("Everything up to here; beyond the stream's head it means the head")),
  all: Type.Optional(
    Type.Literal(true, {
      description: "Every stream that the user follows, up to its head; without `stream`",
    }),
  ),
};
export const changeMembers = {
  ...seenMembers,
  seqs: Type.Optional(
    Type.Unsafe<readonly number[]>(
      Type.Array(Seq("A seq"), { minItems: 1, maxItems: limits.marks, description: "Single ones" }),
    ),
  ),
  undo: Type.Optional(Type.Boolean({ description: "With `seqs`: not any more" })),
};

const countMembers = (what: string) => ({
  total: Seq("The sum of all streams"),
  streams: Type.Record(Type.String({ pattern: streamPattern }), Seq("Notifications in it"), {
    description: `By stream; those with nothing ${what} are left out`,
  }),
});

const unreadMembers = {
  ...countMembers("unread"),
  unseen: Type.Object(countMembers("unseen"), {
    description: "Of those that are not read, the ones beyond what was seen: what a badge shows",
  }),
  cursor: Cursor("What it counts lies before; a notification beyond adds one, unless it is silent"),
  rev: Seq("Another with every mark and subscription of the user"),
};

export const UnreadSchema = Type.Object(unreadMembers, { description: "What the user has not read" });

const stateMembers = {
  version: Seq("Larger with every change; 0: it was never set"),
  state: Type.Record(Type.String(), Type.Unknown(), { description: "As the application has set it" }),
};

export const StateSchema = Type.Object(stateMembers, {
  description: "What the application keeps about the user, whole",
});

/** What a reply to `send` has beside. */
const sent = {
  id: Type.Optional(Type.String({ description: "Of the notification that was sent" })),
  source: Type.Optional(Type.String({ description: "`/users/` and the user's id" })),
  receipts: Type.Optional(
    Type.Array(ReceiptAnswer, { description: "One for each recipient, as a request is answered" }),
  ),
};

export const serverFrames = {
  hello: Type.Object(
    {
      type: Type.Literal("hello"),
      user: Type.String(),
      session: Type.String({ description: "Names this session in the server's logs" }),
      epoch: Seq("The store's epoch"),
      heartbeatMs: Type.Integer({
        minimum: 1,
        description:
          "The server says something at least this often; after twice as long in silence, reconnect",
      }),
      cursor: Cursor("Where the session starts, before anything that was missed"),
      unread: UnreadSchema,
      state: StateSchema,
    },
    { description: "The first frame on WebSocket and SSE" },
  ),
  notification: Type.Object(
    {
      type: Type.Literal("notification"),
      stream: Stream,
      seq: Type.Optional(Seq("Its place in the stream, from 1; absent when ephemeral")),
      prev: Type.Optional(
        Seq(
          "The seq shown before it in this stream, or the place where the session started; absent when ephemeral",
        ),
      ),
      event: CloudEventSchema,
    },
    { description: "A notification, in the order of its stream" },
  ),
  "caught-up": Type.Object(
    { type: Type.Literal("caught-up"), cursor: Cursor("The client's place in every stream") },
    { description: "Everything that was missed has been sent; what follows is new. Once a session" },
  ),
  cursor: Type.Object(
    { type: Type.Literal("cursor"), cursor: Cursor("The client's place after what was sent so far") },
    { description: "After each flush, on a WebSocket opened with `cursors=true`" },
  ),
  gap: Type.Object(
    {
      type: Type.Literal("gap"),
      stream: Stream,
      reason: Type.Union([
        Type.Literal("trimmed"),
        Type.Literal("skipped"),
        Type.Literal("rewound"),
        Type.Literal("epoch"),
      ]),
      from: Seq("The first that won't be sent; 0 with `rewound` and `epoch`"),
      to: Seq("The last that won't be sent: the client's place is here now"),
    },
    { description: "Part of a stream won't be sent here" },
  ),
  subscribe: Type.Object(
    {
      type: Type.Union([Type.Literal("subscribe"), Type.Literal("unsubscribe")]),
      stream: Stream,
      seq: Type.Optional(Seq("With `subscribe`: the place from which the session goes on")),
    },
    { description: "The session follows a stream from now on, or doesn't any more" },
  ),
  read: Type.Object(
    { type: Type.Literal("read"), stream: Stream, ...markMembers },
    { description: "What the user has read of a stream now: it was changed, in whatever session" },
  ),
  archive: Type.Object(
    { type: Type.Literal("archive"), stream: Stream, ...markMembers },
    { description: "What the user has archived of a stream now: it was changed, in whatever session" },
  ),
  unread: Type.Object(
    { type: Type.Literal("unread"), ...unreadMembers },
    { description: "What the user has not read: after a mark, a subscription or a gap" },
  ),
  state: Type.Object(
    { type: Type.Literal("state"), ...stateMembers },
    { description: "The application has changed what it keeps about the user" },
  ),
  ping: Type.Object(
    { type: Type.Literal("ping") },
    { description: "A heartbeat. On a WebSocket the client answers with any frame or a protocol pong" },
  ),
  reply: Type.Union(
    [
      Type.Object({
        type: Type.Literal("reply"),
        ref: Seq("The request's `ref`"),
        ok: Type.Literal(true),
        ...sent,
      }),
      Type.Object({
        type: Type.Literal("reply"),
        ref: Seq("The request's `ref`"),
        ok: Type.Literal(false),
        error: Type.Object({
          code: Type.String({ description: "Of the table of problems" }),
          detail: Type.String(),
        }),
        ...sent,
      }),
    ],
    { description: "The answer to a request that had a `ref`" },
  ),
  error: Type.Object(
    {
      type: Type.Literal("error"),
      code: Type.String({ description: "Of the table of close codes or of problems" }),
      detail: Type.String(),
    },
    { description: "Something is wrong that no `ref` names. On SSE it says why the stream ends" },
  ),
  goaway: Type.Object(
    {
      type: Type.Literal("goaway"),
      reason: Type.Union([Type.Literal("draining"), Type.Literal("overloaded")]),
      retryMs: Seq("Wait this long"),
      jitterMs: Seq("and a random part of this"),
      withinMs: Seq("The connection is closed after this time"),
    },
    {
      description:
        "The server is going away: connect again, elsewhere if there is an elsewhere, before letting go",
    },
  ),
};

export const clientFrames = {
  ack: Type.Object(
    {
      type: Type.Literal("ack"),
      ref: Ref,
      stream: Stream,
      seq: Seq("At most what was sent to this session"),
    },
    { description: "This client has the stream's notifications up to `seq`" },
  ),
  read: Type.Object(
    { type: Type.Literal("read"), ref: Ref, ...changeMembers },
    {
      description:
        "The user has read this: exactly one of `upTo`, `seqs` and `all`. Its `reply` comes once it is durable",
    },
  ),
  archive: Type.Object(
    { type: Type.Literal("archive"), ref: Ref, ...changeMembers },
    {
      description:
        "Out of the inbox, and with `undo` back: exactly one of `upTo`, `seqs` and `all`. Its `reply` comes once it is durable",
    },
  ),
  seen: Type.Object(
    { type: Type.Literal("seen"), ref: Ref, ...seenMembers },
    {
      description:
        "The user has looked at the badge: `all`, or one stream `upTo` a place. Its `reply` comes once it is durable",
    },
  ),
  subscribe: Type.Object(
    { type: Type.Literal("subscribe"), ref: Ref, topic: Topic },
    {
      description: "The user follows an open topic from now on. What is published after the `reply` is shown",
    },
  ),
  unsubscribe: Type.Object(
    { type: Type.Literal("unsubscribe"), ref: Ref, topic: Topic },
    { description: "The user doesn't follow a topic any more. Nothing of it follows the `reply`" },
  ),
  send: Type.Object(
    {
      type: Type.Literal("send"),
      ref: Ref,
      topic: Topic,
      notification: Type.Record(Type.String(), Type.Unknown(), {
        description:
          "As a request has it, but for `source`, which is the user's own, and `to`: absent, or some members of the topic",
      }),
    },
    { description: "Publishes to a topic. The `reply` comes once it is durable, and says what became of it" },
  ),
  auth: Type.Object(
    { type: Type.Literal("auth"), ref: Ref, token: Type.String({ maxLength: 8192, description: "A JWT" }) },
    { description: "First on a WebSocket without an Authorization header; later a fresh token" },
  ),
  ping: Type.Object(
    { type: Type.Literal("ping"), ref: Ref },
    { description: "Answered with a `reply` when it has a `ref`" },
  ),
};
