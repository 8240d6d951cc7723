/** What became of a notification for one recipient, and what went wrong: the same in answers and in frames. */
import Type, { type Static } from "typebox";
import { limits } from "./limits.ts";
import { type ProblemCode, problems } from "./problems.ts";
import { type StreamName, streamPattern } from "./stream.ts";

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
    to: Type.Unsafe<StreamName>(
      Type.String({ pattern: streamPattern, description: "`user:<id>` or `topic:<name>`" }),
    ),
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
    seq: Type.Optional(Type.Integer({ minimum: 1, description: "Its place in the stream" })),
    durable: Type.Optional(Type.Literal(false, { description: "Ephemeral: handed on, kept nowhere" })),
    error: Type.Optional(ProblemAnswer),
  },
  { description: "What became of it for one recipient" },
);

export type Receipt = Static<typeof ReceiptAnswer>;
