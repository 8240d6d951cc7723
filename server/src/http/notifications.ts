import { AcceptedAnswer, BatchAnswer } from "@carillon/protocol/answers";
import { limits } from "@carillon/protocol/limits";
import { NotificationBody } from "@carillon/protocol/notification";
import type { ParsedNotification } from "@carillon/protocol/parse-notification";
import { type Problem, problem } from "@carillon/protocol/problems";
import { type TraceContext, traceOfHeaders, withTrace } from "@carillon/protocol/trace-context";
import type { FastifyInstance, FastifyReply } from "fastify";
import Type from "typebox";
import type { Producer } from "../access/principal.ts";
import type { RateLimits } from "../access/rate-limits.ts";
import type { Answer, Receiver, Submission } from "../receiver/receiver.ts";
import { producerOf } from "./authorize.ts";
import { readSubmitted, type Submitted } from "./bodies.ts";
import { sendProblem } from "./problem-reply.ts";
import { exceedsRate } from "./rates.ts";
import { problemError } from "./validation.ts";

export interface NotificationsDeps {
  readonly receiver: Receiver;
  readonly rates: RateLimits;
  readonly bodyBytes: number;
  readonly batchItems: number;
}

const CloudEvent = Type.Object(
  {
    specversion: Type.Literal("1.0"),
    id: Type.String({ minLength: 1 }),
    source: Type.String({ minLength: 1 }),
    type: Type.String({ minLength: 1 }),
    to: Type.String({ minLength: 1, description: "Streams, separated by commas" }),
  },
  {
    description:
      "A CloudEvent 1.0 with routing as extension attributes: `to`, `expirytime`, `collapsekey`, `silent`, `ephemeral`, `receipt`",
  },
);

const bodies = {
  "application/json": Type.Union([
    NotificationBody,
    Type.Array(NotificationBody, { maxItems: limits.batchItems }),
  ]),
  "application/x-ndjson": Type.String({ description: "A notification a line" }),
  "application/cloudevents+json": CloudEvent,
  "application/cloudevents-batch+json": Type.Array(CloudEvent, { maxItems: limits.batchItems }),
};

export function notifications(app: FastifyInstance, deps: NotificationsDeps): void {
  // Bodies of any type are taken as bytes: with ce- headers they are data, whatever they are.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", { parseAs: "buffer" }, (_request, body, done) => done(null, body));

  app.route({
    method: "POST",
    url: "/v1/notifications",
    bodyLimit: deps.bodyBytes,
    config: {
      access: "send",
      documented: {
        id: "sendNotifications",
        tag: "Notifications",
        summary: "Send one notification, or many",
        description:
          "One as JSON or as a CloudEvent (structured, or binary with `ce-` headers and a body of any type); many as a JSON array, as NDJSON or as a CloudEvents batch. What is answered with 202 is durable.",
        bodies,
        headers: {
          "Idempotency-Key": Type.String({
            description:
              "Stands for the id of a notification without one; in a batch, followed by / and the item's index",
          }),
        },
        answers: {
          202: ["Everything is durable", Type.Union([AcceptedAnswer, BatchAnswer])],
          207: ["A batch of which some was refused; each item says", BatchAnswer],
        },
        problems: [
          "body-invalid",
          "recipients-too-many",
          "idempotency-key-invalid",
          "source-forbidden",
          "topic-not-found",
          "topic-inactive",
          "subscriber-not-found",
          "conflict",
          "body-too-large",
          "notification-too-large",
          "batch-too-large",
          "media-type-unsupported",
          "storage-full",
          "storage-read-only",
        ],
      },
    },
    async handler(request, reply) {
      const by = producerOf(request);
      const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      const submitted = readSubmitted(request.headers, body, deps.batchItems);
      if (submitted.kind === "refused") return sendProblem(reply, submitted.problem);
      const count = recipientsOf(submitted.kind === "one" ? [submitted.item] : submitted.items);
      if (exceedsRate(deps.rates, by, count, reply)) return reply;
      const idempotencyKey = readIdempotencyKey(request.headers["idempotency-key"]);
      const trace = traceOfHeaders(request.headers);
      return submitted.kind === "one"
        ? sendOne(deps.receiver, by, submitted, idempotencyKey, trace, reply)
        : sendBatch(deps.receiver, by, submitted, idempotencyKey, trace, reply);
    },
  });
}

function recipientsOf(items: readonly ParsedNotification[]): number {
  let count = 0;
  for (const { notification } of items) count += notification?.to.length ?? 0;
  return count;
}

async function sendOne(
  receiver: Receiver,
  by: Producer,
  { item }: Extract<Submitted, { kind: "one" }>,
  fallbackId: string | null,
  trace: TraceContext | null,
  reply: FastifyReply,
): Promise<FastifyReply> {
  if (item.problem !== undefined) return sendProblem(reply, item.problem);
  const [answer] = await receiver.send(by, [
    { notification: withTrace(item.notification, trace), fallbackId },
  ]);
  return sendAnswer(reply, answer!);
}

/** What became of one notification. */
export function sendAnswer(reply: FastifyReply, answer: Answer): FastifyReply {
  const { id, source, receipts, problem: wrong } = answer;
  if (wrong === null) return reply.code(202).send({ id, source, receipts });
  return sendProblem(reply, wrong, receipts.length > 0 ? { id, source, receipts } : {});
}

async function sendBatch(
  receiver: Receiver,
  by: Producer,
  { items }: Extract<Submitted, { kind: "batch" }>,
  idempotencyKey: string | null,
  trace: TraceContext | null,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const submissions: Submission[] = [];
  for (let at = 0; at < items.length; at++) {
    const { notification } = items[at]!;
    if (notification === undefined) continue;
    submissions.push({
      notification: withTrace(notification, trace),
      fallbackId: idempotencyKey === null ? null : `${idempotencyKey}/${at}`,
    });
  }
  const answers = submissions.length === 0 ? [] : await receiver.send(by, submissions);
  const results: Result[] = [];
  let next = 0;
  let wrong = 0;
  let lost: Problem | null = null;
  for (const item of items) {
    const answer = item.problem === undefined ? answers[next++]! : null;
    const what = answer === null ? item.problem! : answer.problem;
    if (what !== null) {
      wrong++;
      reply.server.refused(what.code);
      if (what.status >= 500) lost = what;
    }
    results.push(toResult(item, answer));
  }
  // Nothing at all could be kept: said in the status, which is all that many clients look at.
  if (lost !== null && answers.length === items.length && answers.every(isLost))
    return sendProblem(reply, lost);
  // As bytes: a tenth cheaper than text for a hundred results.
  return reply
    .code(wrong === 0 ? 202 : 207)
    .header("content-type", "application/json; charset=utf-8")
    .send(Buffer.from(JSON.stringify({ results })));
}

interface Result {
  readonly id?: string;
  readonly source?: string | undefined;
  readonly status?: "refused";
  readonly receipts?: Answer["receipts"];
  readonly error?: Problem;
}

function toResult(item: ParsedNotification, answer: Answer | null): Result {
  if (answer === null) return { status: "refused", error: item.problem! };
  const { id, source, receipts, problem: error } = answer;
  if (error === null) return { id, source, receipts };
  return receipts.length > 0 ? { id, source, receipts, error } : { id, source, status: "refused", error };
}

const isLost = ({ problem: what, receipts }: Answer): boolean =>
  what !== null && what.status >= 500 && receipts.every(({ status }) => status === "refused");

/** RFC draft "Idempotency-Key": a quoted string; without quotes it is understood too. */
export function readIdempotencyKey(header: string | string[] | undefined): string | null {
  if (header === undefined) return null;
  const key = typeof header === "string" ? header.replace(/^"(.*)"$/, "$1") : "";
  if (!/^[\x21-\x7e]{1,200}$/.test(key)) {
    throw problemError(
      problem("idempotency-key-invalid", "1 to 200 visible characters are asked for", {
        errors: [{ header: "Idempotency-Key", detail: "must be 1 to 200 visible characters" }],
      }),
    );
  }
  return key;
}
