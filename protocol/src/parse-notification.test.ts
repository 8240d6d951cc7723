import fc from "fast-check";
import { expect, test } from "vitest";
import { limits } from "./limits.ts";
import { isJsonType, parseNotification } from "./parse-notification.ts";

const shipped = { to: ["user:42"], source: "/shop", id: "o-17", type: "order.shipped", data: { n: 1 } };
const errorsOf = (input: unknown) => parseNotification(input).problem?.errors;
const pointersOf = (input: unknown) => errorsOf(input)?.map(({ pointer }) => pointer);
const nested = (depth: number): unknown => JSON.parse("[".repeat(depth) + "]".repeat(depth));

test.each([
  ["the whole of it", { ...shipped, subject: "o-17", time: "2026-01-31T09:30:00Z", dataschema: "/s/1" }],
  ["one stream without its array", { to: "topic:builds", type: "t" }],
  ["a name of 128 characters", { ...shipped, to: `topic:${"x".repeat(128)}` }],
  ["a hundred recipients", { ...shipped, to: Array.from({ length: 100 }, (_, i) => `user:${i}`) }],
  ["null as data", { ...shipped, data: null }],
  ["text", { ...shipped, data: "hi", datacontenttype: "text/plain; charset=utf-8" }],
  ["JSON of a type of its own", { ...shipped, datacontenttype: "application/vnd.shop.order+json" }],
  ["bytes", { to: "user:1", type: "t", data_base64: "AAEC", datacontenttype: "image/png" }],
  ["a duration", { ...shipped, expires: "10m", collapseKey: "k", receipt: true, silent: true }],
  ["a time", { ...shipped, expires: "2026-01-31T09:30:00+01:00" }],
  ["ephemeral and silent", { ...shipped, ephemeral: true, silent: true, receipt: false }],
  ["extension attributes", { ...shipped, traceparent: "00-a-b-01", priority: 3, urgent: true }],
  ["any script", { ...shipped, id: "заказ/№ 17 🎁", subject: "x".repeat(256) }],
  ["data 64 deep", { ...shipped, data: nested(64) }],
])("taken: %s", (_, input) => {
  expect(errorsOf(input)).toBeUndefined();
});

test.each<[string, unknown, (string | undefined)[]]>([
  ["no object", [], [""]],
  ["null", null, [""]],
  ["nothing in it", {}, ["/to", "/type"]],
  ["no recipient", { ...shipped, to: [] }, ["/to"]],
  ["no stream", { ...shipped, to: ["user:1", "42", "group:x", 7] }, ["/to/1", "/to/2", "/to/3"]],
  ["a name of 129 characters", { ...shipped, to: `topic:${"x".repeat(129)}` }, ["/to"]],
  ["a slash in a name", { ...shipped, to: "topic:a/b" }, ["/to"]],
  ["an empty id", { ...shipped, id: "" }, ["/id"]],
  ["an id too long", { ...shipped, id: "x".repeat(257) }, ["/id"]],
  ["a lone surrogate", { ...shipped, id: "a\ud800" }, ["/id"]],
  ["a control character", { ...shipped, subject: "a\nb", type: "t\u0000" }, ["/type", "/subject"]],
  ["a source with a space", { ...shipped, source: "my shop" }, ["/source"]],
  ["a source too long", { ...shipped, source: `/${"x".repeat(256)}` }, ["/source"]],
  ["a number as id", { ...shipped, id: 17 }, ["/id"]],
  ["null as subject", { ...shipped, subject: null }, ["/subject"]],
  ["a day that doesn't exist", { ...shipped, time: "2026-02-30T00:00:00Z" }, ["/time"]],
  ["a wrong duration", { ...shipped, expires: "10 minutes" }, ["/expires"]],
  ["text as a flag", { ...shipped, silent: "yes" }, ["/silent"]],
  ["data twice", { ...shipped, data_base64: "AAEC" }, ["/data_base64"]],
  ["an object as text", { ...shipped, datacontenttype: "text/plain" }, ["/data"]],
  ["no base64", { to: "user:1", type: "t", data_base64: "AAE" }, ["/data_base64"]],
  ["ephemeral with a receipt", { ...shipped, ephemeral: true, receipt: true }, ["/receipt"]],
  [
    "ephemeral with what is kept",
    { ...shipped, ephemeral: true, collapseKey: "k", expires: "1m" },
    ["/collapseKey", "/expires"],
  ],
  ["a misspelt option", { ...shipped, collapsKey: "k" }, ["/collapsKey"]],
  ["the CloudEvents spelling", { ...shipped, expirytime: "2026-01-31T09:30:00Z" }, ["/expirytime"]],
  ["a reserved name", { ...shipped, channels: "email" }, ["/channels"]],
  [
    "a name that pollutes",
    JSON.parse('{"to":"user:1","type":"t","__proto__":{"silent":true}}'),
    ["/__proto__"],
  ],
  ["another one", { ...shipped, constructor: "x" }, ["/constructor"]],
  [
    "one inside data",
    { ...shipped, data: JSON.parse('{"a/b":[{"__proto__":1}]}') },
    ["/data/a~1b/0/__proto__"],
  ],
  ["data 65 deep", { ...shipped, data: nested(65) }, [`/data${"/0".repeat(64)}`]],
  ["a number out of range", { ...shipped, data: JSON.parse('{"n":1e999}') }, ["/data/n"]],
  ["an object as extension", { ...shipped, urgent: {} }, ["/urgent"]],
  ["a fraction as extension", { ...shipped, weight: 1.5 }, ["/weight"]],
])("refused: %s", (_, input, pointers) => {
  expect(pointersOf(input)).toEqual(pointers);
  expect(parseNotification(input).problem).toMatchObject({ code: "body-invalid", status: 400 });
});

test("a misspelt option is answered with the right one", () => {
  for (const [typed, meant] of [
    ["collapse_key", "collapseKey"],
    ["Silent", "silent"],
    ["dataContentType", "datacontenttype"],
    ["expirytime", "expires"],
    ["expiry", "expires"],
    ["expire", "expires"],
    ["expiration", "expires"],
    ["ttl", "expires"],
    ["silnt", "silent"],
    ["slient", "silent"],
    ["ephemral", "ephemeral"],
    ["reciept", "receipt"],
    ["sourc", "source"],
    ["tpye", "type"],
    ["datas", "data"],
    ["idd", "id"],
    ["ot", "to"],
    ["subjct", "subject"],
    ["colapskey", "collapseKey"],
  ] as const) {
    expect(errorsOf({ ...shipped, [typed]: "x" })?.[0]?.detail).toContain(`did you mean ${meant}?`);
  }
});

test("a name that is near no member, or comes as a CloudEvent, is an extension attribute", () => {
  for (const name of [
    "uid",
    "ip",
    "object",
    "topic",
    "dataref",
    "partitionkey",
    "sequence",
    "recordedtime",
  ]) {
    expect(errorsOf({ ...shipped, [name]: "x" })).toBeUndefined();
  }
  expect(parseNotification({ ...shipped, ttl: "x", silnt: true }, {}).problem).toBeUndefined();
});

test("more than 100 recipients have a problem of their own", () => {
  const to = Array.from({ length: 101 }, (_, i) => `user:${i}`);
  expect(parseNotification({ ...shipped, to }).problem?.code).toBe("recipients-too-many");
});

test("a recipient named twice counts once", () => {
  const { notification } = parseNotification({ ...shipped, to: ["user:1", "user:2", "user:1"] });
  expect(notification?.to).toEqual(["user:1", "user:2"]);
  expect(parseNotification({ ...shipped, to: "user:1" }).notification?.to).toEqual(["user:1"]);
});

test("extension attributes are bounded in number, errors in length", () => {
  const extensions = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`x${i}`, "v"]));
  expect(errorsOf({ ...shipped, ...extensions(limits.extensions) })).toBeUndefined();
  for (const count of [limits.extensions + 1, 1000]) {
    expect(pointersOf({ ...shipped, ...extensions(count) })).toEqual([""]);
  }
  const wrong = Object.fromEntries(Array.from({ length: 1000 }, (_, i) => [`X${i}`, 1]));
  expect(errorsOf({ ...shipped, ...wrong })?.length).toBe(limits.errorsNamed);
});

test("whatever JSON can say is answered by a notification or by named errors, and never changed", () => {
  const name = fc.oneof(
    fc.constantFrom(...Object.keys(shipped), "silent", "expires", "ephemeral"),
    fc.string(),
  );
  const near = fc.dictionary(name, fc.oneof(fc.jsonValue(), fc.constantFrom("user:1", "10m", true, "t")));
  const input = fc.oneof(
    fc.jsonValue(),
    near,
    near.map((object) => ({ ...shipped, ...object })),
  );
  fc.assert(
    fc.property(input, (value) => {
      const before = JSON.stringify(value);
      const { notification, problem } = parseNotification(value);
      expect(JSON.stringify(value)).toBe(before);
      if (notification) expect(notification.to.length).toBeGreaterThan(0);
      else expect(problem.errors?.length).toBeGreaterThan(0);
    }),
    { numRuns: 3000 },
  );
});

test("JSON types are known by their subtype", () => {
  for (const type of [
    "application/json",
    "text/json; charset=utf-8",
    "application/a.b+json",
    "APPLICATION/JSON",
  ]) {
    expect(isJsonType(type)).toBe(true);
  }
  for (const type of ["text/plain", "application/jsonl", "application/json5", "application/x+json+xml", ""]) {
    expect(isJsonType(type)).toBe(false);
  }
});

test("a million members or recipients are refused without a look at each", () => {
  let looks = 0;
  const watched = <T extends object>(target: T): T =>
    new Proxy(target, {
      get(of, name, receiver) {
        looks++;
        return Reflect.get(of, name, receiver);
      },
    });
  const members = watched(Object.fromEntries(Array.from({ length: 5_000 }, (_, at) => [`x${at}`, at])));
  expect(parseNotification(members).problem?.errors?.[0]).toMatchObject({ pointer: "" });
  const to = watched(Array.from({ length: 1_000 }, () => "user:a"));
  expect(parseNotification({ to, type: "t" }).problem?.code).toBe("recipients-too-many");
  expect(looks).toBeLessThan(10);
});
