/**
 * What the roles do, as OpenTelemetry spans; a part of assemble.ts: `carillon accept`, `carillon commit` and `carillon push`, the last two
 * children of where the notification began, whatever process they are in. The attributes are those of OpenTelemetry's
 * semantic conventions for messaging where there are any; nothing of what is sent gets into one.
 *
 * Spans go to the tracer provider that was registered before Carillon was loaded (`node --import`). Without one
 * `openTracing` answers null and no code of this file runs again.
 */

import { tracedEvent } from "@carillon/protocol/event";
import { isTraceparent } from "@carillon/protocol/trace-context";
import {
  type Context,
  context as contexts,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { TracePush } from "./distributor/hub.ts";
import type { LogBatch } from "./log/driver.ts";
import type { Receiver, Submission } from "./receiver/receiver.ts";

const system = { "messaging.system": "carillon" };
/** A span has at most so many links to the traces of a batch; OpenTelemetry's own bound. */
const linksMost = 128;

/** Null where nobody has registered a tracer provider. */
export function openTracing(version: string): Tracer | null {
  const provider = trace.getTracerProvider();
  const isNone =
    provider instanceof ProxyTracerProvider && provider.getDelegateTracer("carillon") === undefined;
  return isNone ? null : provider.getTracer("carillon", version);
}

function spanContextOf(traceparent: string): SpanContext {
  const [, traceId = "", spanId = "", flags = ""] = traceparent.split("-");
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
}

const contextOf = (traceparent: string): Context =>
  trace.setSpanContext(ROOT_CONTEXT, spanContextOf(traceparent));

const originOf = ({ notification: { traceparent } }: Submission): string | null =>
  isTraceparent(traceparent) ? traceparent : null;

/** The same receiver. What brings no trace context of its own begins in the span of its acceptance. */
export function traceReceiver(receiver: Receiver, tracer: Tracer | null): Receiver {
  if (tracer === null) return receiver;
  return {
    async send(by, submissions) {
      const [first, ...others] = new Set(submissions.map(originOf).filter((origin) => origin !== null));
      const span = tracer.startSpan(
        "carillon accept",
        {
          kind: SpanKind.SERVER,
          attributes: {
            ...system,
            "messaging.operation.type": "send",
            "messaging.batch.message_count": submissions.length,
          },
          links: others.slice(0, linksMost).map((origin) => ({ context: spanContextOf(origin) })),
        },
        first === undefined ? contexts.active() : contextOf(first),
      );
      const { traceId, spanId, traceFlags } = span.spanContext();
      const own = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
      const begun = submissions.map((submission) =>
        submission.notification["traceparent"] !== undefined
          ? submission
          : { ...submission, notification: { ...submission.notification, traceparent: own } },
      );
      try {
        const answers = await receiver.send(by, begun);
        const refused = answers.find(({ problem }) => problem !== null && problem.status >= 500);
        if (refused !== undefined) {
          span.setStatus({ code: SpanStatusCode.ERROR, message: refused.problem!.code });
        }
        return answers;
      } catch (error) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: (error as Error).name });
        throw error;
      } finally {
        span.end();
      }
    },
  };
}

interface Committed {
  readonly batch: LogBatch;
  readonly outcomes: readonly { readonly status: string }[];
  readonly tookMs: number;
}

const sampledIn = (body: string | null): string | null => {
  const origin = body === null ? null : tracedEvent(body);
  return origin !== null && (Number.parseInt(origin.slice(-2), 16) & TraceFlags.SAMPLED) !== 0
    ? origin
    : null;
};

/** Told of each commit; a span for each notification in it whose trace is sampled. */
export const traceCommits =
  (tracer: Tracer) =>
  ({ batch, outcomes, tookMs }: Committed): void => {
    const endTime = Date.now();
    batch.records.forEach(({ stream, body }, at) => {
      const origin = sampledIn(body);
      if (origin === null) return;
      const attributes = {
        ...system,
        "messaging.destination.name": stream,
        "messaging.destination.partition.id": String(batch.part),
        "carillon.outcome": outcomes[at]?.status ?? "unknown",
      };
      const startTime = endTime - tookMs;
      tracer
        .startSpan("carillon commit", { kind: SpanKind.INTERNAL, startTime, attributes }, contextOf(origin))
        .end(endTime);
    });
  };

/** From when the notification is at hand here to when all sessions of this process have it. */
export const tracePushes =
  (tracer: Tracer): TracePush =>
  (stream, { seq, body }) => {
    const origin = sampledIn(body);
    if (origin === null) return null;
    const attributes = { ...system, "messaging.destination.name": stream, "carillon.seq": seq };
    const span = tracer.startSpan(
      "carillon push",
      { kind: SpanKind.PRODUCER, attributes },
      contextOf(origin),
    );
    return (sessions) => {
      span.setAttribute("carillon.sessions", sessions);
      span.end();
    };
  };
