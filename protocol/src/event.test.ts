import fc from "fast-check";
import { expect, test } from "vitest";
import { canonical, expiresAt, toEvent, tracedEvent } from "./event.ts";
import type { Notification } from "./notification.ts";
import { parseNotification } from "./parse-notification.ts";

const notificationOf = (input: object): Notification =>
  parseNotification({ to: "user:42", type: "order.shipped", ...input }).notification!;
const stamp = { id: "o-17", source: "/shop", time: "2026-01-31T09:30:00Z", expiresAt: null };
const eventOf = (input: object, settled = {}) =>
  JSON.parse(toEvent(notificationOf(input), { ...stamp, ...settled }));
const canonicalOf = (input: object) => canonical(notificationOf(input));

test("the event is a CloudEvent with what a client acts on, and without who else was told", () => {
  const input = {
    to: ["user:42", "user:7"],
    subject: "o-17",
    data: { title: "On its way" },
    expires: "10m",
    collapseKey: "o-17",
    silent: true,
    receipt: true,
    priority: 3,
  };
  expect(eventOf(input, { expiresAt: 1_769_852_400_000 })).toEqual({
    specversion: "1.0",
    id: "o-17",
    source: "/shop",
    type: "order.shipped",
    time: "2026-01-31T09:30:00Z",
    subject: "o-17",
    data: { title: "On its way" },
    priority: 3,
    expirytime: "2026-01-31T09:40:00.000Z",
    collapsekey: "o-17",
    silent: true,
    receipt: true,
  });
});

test("the event is plain where nothing was asked for", () => {
  const { specversion, id, source, type, time, ...rest } = eventOf({ silent: false, ephemeral: true });
  expect([specversion, id, source, type, time]).toEqual([
    "1.0",
    "o-17",
    "/shop",
    "order.shipped",
    stamp.time,
  ]);
  expect(rest).toEqual({});
});

test("silent and receipt are each repeated alone", () => {
  expect(eventOf({ silent: true })).toMatchObject({ silent: true });
  expect(eventOf({ silent: true })).not.toHaveProperty("receipt");
  expect(eventOf({ receipt: true })).not.toHaveProperty("silent");
});

test("data arrives as it was sent", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
      const data = JSON.parse(JSON.stringify(value));
      const { notification } = parseNotification({ to: "user:1", type: "t", data });
      if (notification) expect(JSON.parse(toEvent(notification, stamp)).data).toEqual(data);
    }),
  );
});

test("when it expires: a time as it is, a duration from acceptance, else never", () => {
  expect(expiresAt(notificationOf({ expires: "1970-01-01T00:00:05Z" }), 9)).toBe(5000);
  expect(expiresAt(notificationOf({ expires: "10m" }), 1000)).toBe(601_000);
  expect(expiresAt(notificationOf({}), 1000)).toBeNull();
});

test("invariant 5: the same content is the same, whatever the order of its keys", () => {
  const shuffled = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return value.map(shuffled);
    return Object.fromEntries(
      Object.entries(value)
        .reverse()
        .map(([key, inner]) => [key, shuffled(inner)]),
    );
  };
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
      const data = JSON.parse(JSON.stringify(value));
      if (!parseNotification({ to: "user:1", type: "t", data }).notification) return;
      const again = shuffled({ data, subject: "s", silent: true }) as object;
      expect(canonicalOf(again)).toBe(canonicalOf({ subject: "s", data, silent: true }));
    }),
  );
});

test.each<[string, object, object]>([
  ["other recipients", {}, { to: ["user:1", "user:2"] }],
  ["trace context", { traceparent: "00-1", tracestate: "a" }, { traceparent: "00-2" }],
  ["a flag that is off", {}, { silent: false, receipt: false }],
  ["the media type that is implied", { data: 1 }, { data: 1, datacontenttype: "application/json" }],
  [
    "the media type that is implied, with its charset",
    {},
    { datacontenttype: "application/json; charset=UTF-8" },
  ],
  [
    "an attribute as text, as a header has it",
    { priority: 3, urgent: true },
    { priority: "3", urgent: "true" },
  ],
  ["its name", { id: "1", source: "/a" }, {}],
])("invariant 5: the same content with %s", (_, a, b) => {
  expect(canonicalOf(a)).toBe(canonicalOf(b));
});

test.each<[string, object, object]>([
  ["data", { data: { a: 1 } }, { data: { a: "1" } }],
  ["no data", { data: null }, {}],
  ["type", {}, { type: "order.lost" }],
  ["subject", { subject: "a" }, { subject: "b" }],
  ["a given time", {}, { time: "2026-01-31T09:30:00Z" }],
  ["expiry", { expires: "10m" }, { expires: "11m" }],
  ["collapse key", { collapseKey: "a" }, {}],
  ["silent", { silent: true }, {}],
  ["receipt", { receipt: true }, {}],
  ["an extension attribute", { priority: 1 }, { priority: 2 }],
  ["where a value stands", { data: { a: [{}, 1] } }, { data: { a: [1, {}] } }],
  ["bytes", { data_base64: "AAEC" }, { data_base64: "AAED" }],
])("invariant 5: other content by its %s", (_, a, b) => {
  expect(canonicalOf(a)).not.toBe(canonicalOf(b));
});

test("invariant 5: two contents that differ never have one text", () => {
  const content = fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value)));
  fc.assert(
    fc.property(content, content, (a, b) => {
      const read = (data: unknown) => parseNotification({ to: "user:1", type: "t", data }).notification;
      const [one, two] = [read(a), read(b)];
      if (one && two && canonical(one) === canonical(two)) expect(a).toEqual(b);
    }),
  );
});

test("an event's traceparent is found, and none that only looks like one", () => {
  const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const lure = `","traceparent":"${traceparent}"`;
  const traced = (input: object, id = stamp.id) =>
    tracedEvent(toEvent(notificationOf(input), { ...stamp, id }));
  expect(traced({ subject: "s", traceparent, data: {} }, 'o-"\\17')).toBe(traceparent);
  expect(traced({ data: { traceparent }, subject: lure, type: lure }, lure)).toBeNull();
  expect(traced({ traceparent: "00-1" })).toBeNull();
});
