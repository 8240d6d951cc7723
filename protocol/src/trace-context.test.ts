import { expect, test } from "vitest";
import type { Notification } from "./notification.ts";
import { traceOfHeaders, withTrace } from "./trace-context.ts";

const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

test.each([
  ["a traceparent", { traceparent }, { traceparent }],
  ["with a tracestate", { traceparent, tracestate: "a=b" }, { traceparent, tracestate: "a=b" }],
  [
    "a tracestate in several headers",
    { traceparent, tracestate: ["a=b", "c=d"] },
    { traceparent, tracestate: "a=b,c=d" },
  ],
  ["a tracestate that is too long", { traceparent, tracestate: `a=${"b".repeat(511)}` }, { traceparent }],
  ["a tracestate that isn't printable", { traceparent, tracestate: "a=\u0007" }, { traceparent }],
  ["a tracestate alone", { tracestate: "a=b" }, null],
  ["nothing", {}, null],
  ["two of them", { traceparent: [traceparent, traceparent] }, null],
  ["another version", { traceparent: traceparent.replace(/^00/, "01") }, null],
  ["capitals", { traceparent: traceparent.toUpperCase() }, null],
  ["a trace of zeros", { traceparent: traceparent.replace(/-\w{32}-/, `-${"0".repeat(32)}-`) }, null],
  ["a span of zeros", { traceparent: traceparent.replace(/-\w{16}-/, `-${"0".repeat(16)}-`) }, null],
  ["something behind it", { traceparent: `${traceparent}-00` }, null],
])("%s", (_, headers, trace) => {
  expect(traceOfHeaders(headers)).toEqual(trace);
});

test("a notification keeps the context that it brings", () => {
  const bare: Notification = { to: ["user:42"], type: "a" };
  expect(withTrace(bare, { traceparent })).toEqual({ ...bare, traceparent });
  const own = { ...bare, traceparent: "00-1" };
  expect(withTrace(own, { traceparent })).toBe(own);
  expect(withTrace(bare, null)).toBe(bare);
});
