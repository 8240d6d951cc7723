import { ProblemAnswer } from "@carillon/protocol/receipt";
import fc from "fast-check";
import type { InjectOptions } from "fastify";
import { Compile } from "typebox/compile";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ limits: { bodyBytes: 20_000 } });
});
afterAll(() => stage.close());

const Problem = Compile(ProblemAnswer);

/** Whatever is asked: no bug is met, and what isn't done is said in problem details that keep to their schema. */
async function sound(asked: InjectOptions): Promise<void> {
  const answer = await stage.inject(asked);
  expect(answer.statusCode, answer.body).not.toBe(500);
  if (answer.statusCode < 400) return;
  expect(answer.headers["content-type"]).toBe("application/problem+json");
  if (asked.method === "HEAD") return;
  expect(Problem.Errors(answer.json())).toEqual([]);
  expect(answer.json().status).toBe(answer.statusCode);
}

const types = fc.constantFrom(
  "application/json",
  "application/json; charset=utf-8",
  "application/x-ndjson",
  "application/cloudevents+json",
  "application/cloudevents-batch+json",
  "application/problem+json",
  "text/plain",
  "image/png",
  "multipart/form-data",
  "application",
  ";",
);

const seldomRight = <T>(right: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
  fc.oneof(
    { arbitrary: right, weight: 4 },
    { arbitrary: fc.jsonValue() as fc.Arbitrary<unknown>, weight: 1 },
  );

const stream = fc.oneof(
  fc.constantFrom("user:1", "user:2", "topic:none", "user:", "nobody"),
  fc.string({ maxLength: 10 }),
);

const almost = fc.record(
  {
    to: seldomRight(fc.oneof(stream, fc.array(stream, { maxLength: 3 }))),
    id: seldomRight(fc.string({ minLength: 1, maxLength: 5 })),
    source: seldomRight(fc.constantFrom("/shop", "/other")),
    type: seldomRight(fc.string({ minLength: 1, maxLength: 5 })),
    time: seldomRight(fc.date({ noInvalidDate: false }).map(String)),
    expires: seldomRight(
      fc.constantFrom("1s", "999999d", "9999-12-31T23:59:60-23:59", "0000-01-01T00:00:00+23:59"),
    ),
    data: fc.jsonValue(),
    data_base64: seldomRight(fc.base64String({ maxLength: 8 })),
    datacontenttype: seldomRight(fc.constantFrom("text/plain", "application/json", "a/b+json")),
    collapseKey: seldomRight(fc.string({ maxLength: 5 })),
    silent: seldomRight(fc.boolean()),
    ephemeral: seldomRight(fc.boolean()),
    receipt: seldomRight(fc.boolean()),
    specversion: seldomRight(fc.constant("1.0")),
    expirytime: seldomRight(fc.constant("2030-01-01T00:00:00Z")),
  },
  { requiredKeys: [] },
);

test("almost right notifications, alone and in batches, in any JSON type", async () => {
  const bodies = fc.oneof(almost, fc.array(almost, { maxLength: 4 }), fc.jsonValue());
  await fc.assert(
    fc.asyncProperty(types, bodies, (type, body) =>
      sound({
        method: "POST",
        url: "/v1/notifications",
        headers: { "content-type": type },
        payload: JSON.stringify(body),
      }),
    ),
    { numRuns: 1_000 },
  );
});

test("any bytes of any type", async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.string({ maxLength: 200 }).map((text) => Buffer.from(text)),
  );
  await fc.assert(
    fc.asyncProperty(types, bytes, (type, body) =>
      sound({
        method: "POST",
        url: "/v1/notifications",
        headers: { "content-type": type },
        payload: Buffer.from(body),
      }),
    ),
    { numRuns: 500 },
  );
});

const headerText = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => String.fromCharCode(code)),
  maxLength: 30,
});
const headerName = fc.oneof(
  fc.constantFrom(
    "ce-id",
    "ce-source",
    "ce-type",
    "ce-to",
    "ce-specversion",
    "ce-time",
    "ce-data",
    "ce-__proto__",
    "ce-expirytime",
    "idempotency-key",
    "x-request-id",
    "traceparent",
    "authorization",
    "accept",
    "content-encoding",
    "expect",
    "origin",
  ),
  fc.stringMatching(/^ce-[a-z0-9]{1,24}$/),
);

test("any headers", async () => {
  const base = {
    "ce-specversion": "1.0",
    "ce-id": "1",
    "ce-source": "/shop",
    "ce-type": "t",
    "ce-to": "user:1",
  };
  await fc.assert(
    fc.asyncProperty(fc.dictionary(headerName, headerText, { maxKeys: 5 }), types, (headers, type) =>
      sound({
        method: "POST",
        url: "/v1/notifications",
        headers: { ...base, "content-type": type, ...headers },
        payload: "{}",
      }),
    ),
    { numRuns: 500 },
  );
});

const segment = fc.oneof(
  fc.constantFrom(
    "v1",
    "topics",
    "notifications",
    "users",
    "tokens",
    "subscribers",
    "ack",
    "%",
    "%zz",
    "..",
    "",
    "a",
  ),
  fc.string({ maxLength: 8 }).map(encodeURIComponent),
);
const query = fc.oneof(
  fc.constant(""),
  fc.webQueryParameters().map((text) => `?${text}`),
  fc.constantFrom(
    "?limit=1",
    "?limit=1&limit=2",
    "?after=%",
    "?source=/shop&to=user:1",
    "?__proto__=1",
    "?a[b]=c",
  ),
);
const methods = fc.constantFrom(
  "GET",
  "PUT",
  "POST",
  "DELETE",
  "HEAD",
  "OPTIONS",
  "PATCH",
  "PROPFIND",
  "SEARCH",
);

test("any method, path, query and body", async () => {
  await fc.assert(
    fc.asyncProperty(
      methods,
      fc.array(segment, { maxLength: 5 }),
      query,
      fc.option(fc.jsonValue()),
      (method, path, search, body) =>
        sound({
          method: method as "GET",
          url: `/v1/${path.join("/")}${search}`,
          ...(body === null
            ? {}
            : { headers: { "content-type": "application/json" }, payload: JSON.stringify(body) }),
        }),
    ),
    { numRuns: 1_000 },
  );
});
