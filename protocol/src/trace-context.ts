/**
 * Trace context as a notification carries it: the CloudEvents extension "Distributed Tracing" with the values of W3C
 * Trace Context (level 1). It is where the notification began, given by its producer and never changed on the way.
 */
import type { Headers } from "./cloudevents.ts";
import type { Notification } from "./notification.ts";

export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

const version0 = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;
/** W3C Trace Context 3.3.1.5: at least 512 characters are to be passed on; more than that isn't. */
const tracestateChars = 512;
const printable = /^[\x20-\x7e]+$/;

export const isTraceparent = (value: unknown): value is string =>
  typeof value === "string" && version0.test(value);

/** What a request's headers say; null where there is nothing that can be used. */
export function traceOfHeaders({ traceparent, tracestate }: Headers): TraceContext | null {
  if (!isTraceparent(traceparent)) return null;
  const state = typeof tracestate === "object" ? tracestate.join(",") : tracestate;
  const isUsable = state !== undefined && state.length <= tracestateChars && printable.test(state);
  return isUsable ? { traceparent, tracestate: state } : { traceparent };
}

/** The notification with `trace`, where it brings none of its own. */
export const withTrace = (notification: Notification, trace: TraceContext | null): Notification =>
  trace === null || notification["traceparent"] !== undefined || notification["tracestate"] !== undefined
    ? notification
    : { ...notification, ...trace };
