import { CloudEvent, HTTP } from "cloudevents";
import fc from "fast-check";
import { expect, test } from "vitest";
import { formOf, type Headers, readBinary, readItem, readStructured } from "./cloudevents.ts";
import { toEvent } from "./event.ts";
import type { Notification } from "./notification.ts";

const event = { specversion: "1.0", id: "o-17", source: "/shop", type: "order.shipped", to: "user:42" };
const bytes = (text: string) => new TextEncoder().encode(text);
const binaryHeaders = (extra: Headers = {}): Headers => ({
  "ce-specversion": "1.0",
  "ce-id": "o-17",
  "ce-source": "/shop",
  "ce-type": "order.shipped",
  "ce-to": "user:42",
  ...extra,
});
const pointersOf = (parsed: ReturnType<typeof readItem>) =>
  parsed.problem?.errors?.map(({ pointer }) => pointer);

test.each<[string, Headers, string | null]>([
  ["plain JSON", { "content-type": "application/json; charset=utf-8" }, "plain"],
  ["NDJSON", { "content-type": "application/x-ndjson" }, "ndjson"],
  ["structured", { "content-type": "application/cloudevents+json; charset=UTF-8" }, "structured"],
  [
    "structured, with headers too",
    binaryHeaders({ "content-type": "application/cloudevents+json" }),
    "structured",
  ],
  ["batch", { "content-type": "Application/CloudEvents-Batch+JSON" }, "batch"],
  ["binary", binaryHeaders({ "content-type": "application/json" }), "binary"],
  ["binary without data", binaryHeaders(), "binary"],
  ["a CloudEvents format that isn't read here", { "content-type": "application/cloudevents+avro" }, null],
  ["a form", { "content-type": "application/x-www-form-urlencoded" }, null],
  ["nothing", {}, null],
])("the form of a request: %s", (_, headers, form) => {
  expect(formOf(headers)).toBe(form);
});

test("routing comes as extension attributes", () => {
  const input = {
    ...event,
    to: "user:42, topic:builds",
    expirytime: "2026-01-31T09:30:00Z",
    collapsekey: "k",
    silent: true,
    receipt: "true",
    subject: null,
    priority: 3,
    data: null,
  };
  expect(readStructured(input).notification).toEqual({
    id: "o-17",
    source: "/shop",
    type: "order.shipped",
    to: ["user:42", "topic:builds"],
    expires: "2026-01-31T09:30:00Z",
    collapseKey: "k",
    silent: true,
    receipt: true,
    priority: 3,
    data: null,
  });
});

test("an item with a specversion is a CloudEvent, another is plain", () => {
  expect(readItem(event).notification?.to).toEqual(["user:42"]);
  expect(readItem({ to: "user:42", type: "t" }).notification?.to).toEqual(["user:42"]);
  expect(pointersOf(readItem({ ...event, specversion: "0.3" }))).toEqual(["/specversion"]);
});

test.each<[string, unknown, string[]]>([
  ["no object", [], [""]],
  ["what CloudEvents require", { specversion: "1.0", to: "user:1", type: "t" }, ["/id", "/source"]],
  ["no type", { ...event, type: null }, ["/type"]],
  ["another version", { ...event, specversion: "1.1" }, ["/specversion"]],
  ["no version", { ...event, specversion: undefined }, ["/specversion"]],
  ["a recipient", { ...event, to: "user:1,nobody" }, ["/to/1"]],
  ["an expiry, by its own name", { ...event, expirytime: "tomorrow" }, ["/expirytime"]],
  ["an expiry given twice", { ...event, expirytime: "2026-01-31T09:30:00Z", expires: "1m" }, ["/expires"]],
  ["a collapse key, by its own name", { ...event, collapsekey: "" }, ["/collapsekey"]],
  ["ephemeral with what is kept", { ...event, ephemeral: true, collapsekey: "k" }, ["/collapsekey"]],
  ["an attribute in capitals", { ...event, comExample: "x" }, ["/comExample"]],
  [
    "a polluting name",
    JSON.parse('{"specversion":"1.0","id":"1","source":"/","__proto__":{}}'),
    ["/__proto__"],
  ],
])("a CloudEvent refused for: %s", (_, input, pointers) => {
  expect(pointersOf(readStructured(input))).toEqual(pointers);
});

test.each<[string, string | undefined, Uint8Array, object]>([
  ["JSON", "application/json", bytes('{"n":1}'), { data: { n: 1 } }],
  ["JSON text", "application/json", bytes('"hi"'), { data: "hi" }],
  ["JSON null", "application/vnd.a+json; charset=utf-8", bytes("null"), { data: null }],
  ["text", "text/plain; charset=utf-8", bytes("grüß dich"), { data: "grüß dich" }],
  ["XML", "application/atom+xml", bytes("<a/>"), { data: "<a/>" }],
  ["text that isn't UTF-8", "text/plain", Uint8Array.of(0xff, 0xfe), { data_base64: "//4=" }],
  ["text in another charset", "text/plain; charset=latin1", bytes("a"), { data_base64: "YQ==" }],
  ["bytes", "image/png", Uint8Array.of(0, 1, 2), { data_base64: "AAEC" }],
  ["bytes of no type", undefined, Uint8Array.of(0, 1, 2), { data_base64: "AAEC" }],
  ["nothing", undefined, bytes(""), {}],
])("binary: the body as %s", (_, contentType, body, data) => {
  const { notification } = readBinary(binaryHeaders({ "content-type": contentType }), body);
  const { id, source, type, to, datacontenttype, ...rest } = notification!;
  expect([id, source, type, to, datacontenttype]).toEqual([
    "o-17",
    "/shop",
    "order.shipped",
    ["user:42"],
    contentType,
  ]);
  expect(rest).toEqual(data);
});

test.each([
  ["Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro € 😀"],
  ["plain", "plain"],
  ["%70lain", "plain"],
  ['"a \\"quoted\\" one"', 'a "quoted" one'],
  ["100%25", "100%"],
  ["%e2%82%ac", "€"],
])("binary: a header says %s", (header, value) => {
  expect(readBinary(binaryHeaders({ "ce-subject": header }), bytes("")).notification?.subject).toBe(value);
});

test.each<[string, Headers, Uint8Array, string[]]>([
  ["overlong UTF-8", { "ce-subject": "%C0%A0" }, bytes(""), ["/subject"]],
  ["half an escape", { "ce-subject": "50%" }, bytes(""), ["/subject"]],
  ["raw bytes", { "ce-subject": "â\u0082¬" }, bytes(""), ["/subject"]],
  ["the data's type twice", { "ce-datacontenttype": "text/plain" }, bytes(""), ["/datacontenttype"]],
  ["data in a header", { "ce-data": "x" }, bytes(""), ["/data"]],
  ["a body that is no JSON", { "content-type": "application/json" }, bytes("{"), ["/data"]],
  ["a flag", { "ce-silent": "yes" }, bytes(""), ["/silent"]],
])("binary: refused for %s", (_, extra, body, pointers) => {
  expect(pointersOf(readBinary(binaryHeaders(extra), body))).toEqual(pointers);
});

test("any headers and any bytes are answered, never thrown at", () => {
  const name = fc.oneof(
    fc.constantFrom("ce-id", "ce-to", "ce-type", "ce-__proto__", "content-type", "ce-silent", "ce-"),
    fc.string().map((rest) => `ce-${rest}`),
  );
  fc.assert(
    fc.property(fc.dictionary(name, fc.string()), fc.uint8Array(), (extra, body) => {
      const { notification, problem } = readBinary(binaryHeaders(extra), body);
      expect(notification ?? problem.errors).toBeDefined();
    }),
  );
});

test("what the official SDK sends is read in both modes, and what we deliver it reads back", () => {
  const sent = new CloudEvent({
    id: "o-17",
    source: "/shop",
    type: "order.shipped",
    time: "2026-01-31T09:30:00.000Z",
    subject: "o-17 & more",
    to: "user:42,topic:builds",
    silent: true,
    data: { title: "On its way" },
  });
  const structured = HTTP.structured(sent);
  const binary = HTTP.binary(sent);
  expect(formOf(structured.headers as Headers)).toBe("structured");
  expect(formOf(binary.headers as Headers)).toBe("binary");
  const one = readStructured(JSON.parse(structured.body as string)).notification!;
  expect(one).toMatchObject({ to: ["user:42", "topic:builds"], silent: true, data: { title: "On its way" } });
  const onTheWire = Object.fromEntries(new globalThis.Headers(binary.headers as Record<string, string>));
  const { datacontenttype, ...other } = readBinary(onTheWire, bytes(binary.body as string))
    .notification as Notification;
  expect([datacontenttype, other]).toEqual(["application/json; charset=utf-8", one]);

  const stamp = { id: one.id!, source: one.source!, time: one.time!, expiresAt: null };
  const { to: _, ...delivered } = JSON.parse(toEvent(one, stamp));
  expect(new CloudEvent(delivered).validate()).toBe(true);
});
