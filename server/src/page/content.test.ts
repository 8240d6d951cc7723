import { expect, test } from "vitest";
import { blotted } from "./blot.js";
import { contentOf, linkOf } from "./content.js";
import { relativeTime } from "./times.js";

const eventOf = (data: unknown, more = {}) => ({
  specversion: "1.0" as const,
  id: "1",
  source: "/shop",
  type: "order.shipped",
  ...(data === undefined ? {} : { data }),
  ...more,
});

test.each([
  ["title and body", eventOf({ title: "On its way", body: "Soon" }), "On its way", "Soon"],
  ["text without a title", eventOf({ text: "It is green." }), "order.shipped", "It is green."],
  ["a subject", eventOf({ message: "m" }, { subject: "o-17" }), "o-17", "m"],
  ["plain text", eventOf("Soon"), "Soon", ""],
  ["nothing", eventOf(undefined), "order.shipped", ""],
  ["another shape", eventOf({ a: [1] }), "order.shipped", '{"a":[1]}'],
  ["a number", eventOf(7), "order.shipped", "7"],
  ["members that are no text", eventOf({ title: 7, body: {} }), "order.shipped", '{"title":7,"body":{}}'],
])("%s", (_, event, title, body) => {
  expect(contentOf(event)).toMatchObject({ title, body });
});

test("however long it is, what is shown is short", () => {
  const { title, body } = contentOf(eventOf({ title: "x".repeat(60_000), body: "y".repeat(60_000) }));
  expect(title).toHaveLength(200);
  expect(body).toHaveLength(1_000);
  expect(contentOf(eventOf("z".repeat(60_000))).title).toHaveLength(200);
});

test.each(["https://shop.example/o?a=1#b", "http://shop.example:8080/"])("%s is a link", (url) => {
  expect(linkOf(url)).toEqual({ href: url, host: new URL(url).host });
});

test.each([
  "javascript:alert(1)",
  " JaVaScRiPt:alert(1)",
  "java\nscript:alert(1)",
  "data:text/html,<script>alert(1)</script>",
  "vbscript:x",
  "file:///etc/passwd",
  "blob:https://shop.example/1",
  "/relative",
  "//shop.example/",
  "https://shop.example@evil.example/",
  "https://",
  "",
  7,
  null,
  { href: "https://shop.example" },
  `https://shop.example/${"x".repeat(3_000)}`,
])("%s is no link", (url) => {
  expect(linkOf(url)).toBeNull();
});

test("no credential is left in what the frames panel shows, and nothing is longer than a person reads", () => {
  const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJl";
  const secret = `ck_${"a".repeat(43)}`;
  const frame = JSON.stringify({
    type: "auth",
    token: jwt,
    again: { token: 'od"d' },
    data: `${jwt} ${secret}`,
  });
  expect(blotted(frame)).toBe(
    '{"type":"auth","token":"(token)","again":{"token":"(token)"},"data":"(token) (secret)"}',
  );
  expect(blotted("x".repeat(70_000)).length).toBeLessThanOrEqual(4_000);
});

test("times as people say them", () => {
  const now = Date.parse("2026-01-31T12:00:00Z");
  const said = (text: string) => relativeTime(Date.parse(text), now);
  expect(said("2026-01-31T11:59:30Z")).toBe("just now");
  expect(said("2026-01-31T11:57:30Z")).toBe("2 minutes ago");
  expect(said("2026-01-31T09:00:00Z")).toBe("3 hours ago");
  expect(said("2026-01-30T11:00:00Z")).toBe("yesterday");
  expect(said("2026-02-02T12:00:00Z")).toBe("in 2 days");
});
