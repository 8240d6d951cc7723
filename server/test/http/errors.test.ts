import { problems } from "@carillon/protocol/problems";
import type { LightMyRequestResponse } from "fastify";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Failure, type FailureCode } from "../../src/errors.ts";
import { apply, records } from "../../src/store/conformance/suite.ts";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
/** What the log fails with, once. */
let failure: Error | null = null;

beforeAll(async () => {
  stage = await openStage({
    topicsPerUser: 1,
    sizeBytes: 2_000,
    mostKeys: 1,
    mostRevocations: 1,
    limits: { bodyBytes: 10_000, batchItems: 3 },
    log: (log) => ({
      append: async (records) => {
        const thrown = failure;
        failure = null;
        if (thrown !== null) throw thrown;
        return log.append(records);
      },
    }),
  });
  await stage.ask("PUT", "/v1/topics/builds");
});
afterAll(() => stage.close());

const one = { to: "user:1", type: "t" };
const client = () => `Bearer ${stage.tokens.issue("42", 60_000).token}`;
const expired = () => `Bearer ${stage.tokens.issue("42", -60_000).token}`;
const failing = (code: FailureCode) => {
  failure = new Failure(code, "a secret path");
  return stage.post(one);
};
const full = async () => {
  const topics = Array.from({ length: 256 }, (_, i) => `full-${i}`);
  await Promise.all(
    topics.map(async (topic) => {
      await stage.ask("PUT", `/v1/topics/${topic}`);
      await stage.ask("PUT", `/v1/topics/${topic}/subscribers/eager`);
    }),
  );
  return stage.ask("PUT", "/v1/topics/builds/subscribers/eager");
};

const tooMany = async () => {
  await apply(stage.store.streams, ...records("user:42", 600));
  const single = (from: number, count: number) => ({
    method: "POST" as const,
    url: "/v1/read",
    headers: { authorization: client() },
    payload: { stream: "user:42", seqs: Array.from({ length: count }, (_, at) => from + 2 * at) },
  });
  expect((await stage.inject(single(2, 256))).statusCode).toBe(200);
  return stage.inject(single(514, 1));
};

let admins = 0;
const asAdmin = async (method: "POST" | "DELETE", url: string, payload?: object) => {
  const headers = { authorization: await stage.key({ scopes: ["admin"], name: `admin-${++admins}` }) };
  return stage.inject({ method, url, headers, ...(payload === undefined ? {} : { payload }) });
};
const newKey = (name: string) => ({ name, scopes: ["send"], sources: ["/shop"] });

type Ask = () => Promise<LightMyRequestResponse>;

/** Every problem that the request API can answer with, and a request that meets it. */
const meetings: Record<string, Ask> = {
  "body-invalid": () => stage.post({ to: "user:1" }),
  "parameter-invalid": () => stage.ask("GET", "/v1/topics?limit=0"),
  "recipients-too-many": () => stage.post({ ...one, to: Array.from({ length: 101 }, (_, i) => `user:${i}`) }),
  "user-invalid": () => stage.ask("POST", "/v1/users/a%20b/tokens", {}),
  "topic-invalid": () => stage.ask("GET", "/v1/topics/a%20b"),
  "idempotency-key-invalid": () => stage.post(one, { "idempotency-key": "a b" }),
  unauthenticated: () => stage.post(one, { authorization: "" }),
  "key-invalid": () => stage.post(one, { authorization: `Bearer ck_${"x".repeat(43)}` }),
  "token-invalid": () =>
    stage.inject({ method: "POST", url: "/v1/ack", headers: { authorization: "Bearer a.b.c" } }),
  "token-expired": () =>
    stage.inject({ method: "POST", url: "/v1/ack", headers: { authorization: expired() } }),
  "token-revoked": async () => {
    const authorization = client();
    await stage.ask("POST", "/v1/users/42/revocations", {});
    return stage.inject({ method: "POST", url: "/v1/ack", headers: { authorization } });
  },
  "revocation-not-found": () => stage.ask("DELETE", "/v1/users/42/revocations?jti=none"),
  "revocations-too-many": async () => {
    await stage.ask("POST", "/v1/users/full/revocations", { jti: "1" });
    return stage.ask("POST", "/v1/users/full/revocations", { jti: "2" });
  },
  "origin-forbidden": () =>
    stage.inject({ method: "POST", url: "/v1/ack", headers: { origin: "https://evil.example" } }),
  forbidden: async () => stage.post(one, { authorization: await stage.key({ scopes: ["topics"] }) }),
  "source-forbidden": () => stage.post({ ...one, source: "/other" }),
  "route-not-found": () => stage.ask("GET", "/v1/nothing"),
  "topic-not-found": () => stage.post({ ...one, to: "topic:none" }),
  "key-not-found": () => asAdmin("DELETE", "/v1/keys/none"),
  "key-taken": () => asAdmin("POST", "/v1/keys", newKey("key-1")),
  "key-in-use": () => asAdmin("DELETE", `/v1/keys/admin-${admins + 1}`),
  "keys-too-many": () => asAdmin("POST", "/v1/keys", newKey("more")),
  "notification-not-found": () => stage.ask("GET", "/v1/notifications/none?source=/shop&to=user:1"),
  "subscriber-not-found": () => stage.ask("DELETE", "/v1/topics/builds/subscribers/nobody"),
  "method-not-allowed": () => stage.ask("PUT", "/v1/notifications"),
  conflict: async () => {
    await stage.post({ ...one, id: "c" });
    return stage.post({ ...one, id: "c", data: 1 });
  },
  "subscriptions-too-many": full,
  "grant-not-found": () => stage.ask("DELETE", "/v1/topics/builds/grants/nobody"),
  "topic-inactive": async () => {
    await stage.ask("PUT", "/v1/topics/asleep", { active: false });
    return stage.post({ ...one, to: "topic:asleep" });
  },
  "topic-taken": () => stage.as("42", "PUT", "/v1/topics/builds"),
  "topics-too-many": async () => {
    await stage.as("42", "PUT", "/v1/topics/first");
    return stage.as("42", "PUT", "/v1/topics/second");
  },
  "grants-too-many": async () => {
    await stage.ask("PUT", "/v1/topics/granted");
    const users = Array.from({ length: 1_000 }, (_, at) => `u${at}`);
    await Promise.all(users.map((user) => stage.store.grants.grant("granted", user, 1_000)));
    return stage.ask("PUT", "/v1/topics/granted/grants/one-more");
  },
  "not-followed": () => ack({ stream: "topic:none", seq: 1 }),
  "marks-too-many": tooMany,
  "not-sent": () => ack({ stream: "user:42", seq: 9_999 }),
  "precondition-failed": async () =>
    stage.inject({
      method: "PUT",
      url: "/v1/users/42/state",
      headers: { authorization: await stage.key({ scopes: ["users"] }), "if-match": '"7"' },
      payload: {},
    }),
  "state-too-large": () => stage.ask("PUT", "/v1/users/42/state", { text: "x".repeat(17_000) }),
  "body-too-large": () => stage.post({ ...one, data: "x".repeat(10_000) }),
  "notification-too-large": () => stage.post({ ...one, data: "x".repeat(2_000) }),
  "batch-too-large": () => stage.post([one, one, one, one]),
  "url-too-long": () => stage.ask("GET", `/v1/topics/${"x".repeat(5_000)}`),
  "media-type-unsupported": () => stage.post("<a/>", { "content-type": "text/xml" }),
  internal: () => {
    failure = new Error("a bug");
    return stage.post(one);
  },
  "before-invalid": () => stage.inject({ url: "/v1/inbox?before=x", headers: { authorization: client() } }),
  unavailable: () => failing("unavailable"),
  overloaded: () => failing("overloaded"),
  draining: () => failing("stopped"),
  "storage-full": () => failing("full"),
  "storage-read-only": () => failing("read-only"),
};

/** Met on the socket, before there is a request: socket.test.ts. */
const onTheSocket = ["headers-too-large", "request-timeout"];
/** In rates.test.ts. */
const withFewAllowed = ["rate-limited"];
/** Of live connections. */
const elsewhere = [
  "cursor-invalid",
  "subprotocol-unsupported",
  "not-acceptable",
  "upgrade-required",
  "ticket-invalid",
  "too-many-sessions",
];

const ack = (payload: object) =>
  stage.inject({ method: "POST", url: "/v1/ack", headers: { authorization: client() }, payload });

test("every problem of the table is met by a test", () => {
  expect([...Object.keys(meetings), ...onTheSocket, ...withFewAllowed, ...elsewhere].sort()).toEqual(
    Object.keys(problems).sort(),
  );
});

describe.each(Object.entries(meetings))("%s", (code, meet) => {
  test("is answered as problem details, as the table says", async () => {
    const answer = await meet();
    const { status, title } = problems[code as keyof typeof problems];
    expect(answer.json()).toMatchObject({ type: `urn:carillon:problem:${code}`, code, status, title });
    expect(answer.statusCode).toBe(status);
    expect(answer.headers["content-type"]).toBe("application/problem+json");
    expect(answer.headers["x-request-id"]).toBe(answer.json().instance);
    expect(answer.json().detail).toMatch(/\S/);
    expect(answer.body).not.toContain("a secret path");
    if (status === 503) expect(Number(answer.headers["retry-after"])).toBeGreaterThan(0);
    if (status === 401) expect(answer.headers["www-authenticate"]).toMatch(/^Bearer/);
  });
});

test("invariant 1: what the log didn't take is no 202, alone or in a batch", async () => {
  failure = new Failure("unavailable", "away", { retryAfterMs: 2_500 });
  const batch = await stage.post([one, one]);
  expect(batch.statusCode).toBe(503);
  expect(batch.headers["retry-after"]).toBe("3");

  failure = new Failure("full", "no space");
  const mixed = await stage.post([{ ...one, source: "/other" }, one]);
  expect(mixed.statusCode).toBe(207);
  expect(mixed.json().results.map(({ error }: { error: { code: string } }) => error.code)).toEqual([
    "source-forbidden",
    "storage-full",
  ]);
});

test("a bug is logged with the request's id, and without what was sent", async () => {
  stage.logged.length = 0;
  failure = new Error("a bug");
  const answer = await stage.post(
    { ...one, data: "private words" },
    { "x-request-id": "req-1", traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" },
  );
  expect(answer.json().instance).toBe("req-1");
  const line = stage.logged.join("");
  expect(line).toContain('"request":"req-1"');
  expect(line).toContain('"trace":"0af7651916cd43dd8448eb211c80319c"');
  expect(line).toContain("a bug");
  expect(line).not.toContain("private words");
});

test("a line in the log says whose request it was; X-Forwarded-For counts from trusted proxies alone", async () => {
  const headers = { "x-forwarded-for": "203.0.113.1, 198.51.100.7" };
  for (const [remoteAddress, address] of [
    ["192.0.2.1", "198.51.100.7"],
    ["203.0.113.9", "203.0.113.9"],
  ] as const) {
    stage.logged.length = 0;
    failure = new Error("a bug");
    const payload = { to: "user:1", type: "t" };
    await stage.inject({ method: "POST", url: "/v1/notifications", headers, payload, remoteAddress });
    expect(stage.logged.join("")).toContain(`"address":"${address}"`);
  }
});

test("a request id that can't stand in a log is replaced", async () => {
  const answer = await stage.post(one, { "x-request-id": "a b\u007f" });
  expect(answer.headers["x-request-id"]).toMatch(/^[0-9a-f-]{36}$/);
});

test("a method that isn't served is told the ones that are", async () => {
  expect((await stage.ask("PUT", "/v1/notifications")).headers.allow).toBe("POST");
  expect((await stage.ask("POST", "/v1/topics/a")).headers.allow).toBe("GET, PUT, PATCH, DELETE");
  for (const headers of [{}, { "content-type": "text/xml" }, { "content-type": "application/json" }]) {
    const query = await stage.inject({ method: "QUERY" as "POST", url: "/v1/topics", headers, payload: "{" });
    expect(query.statusCode).toBe(405);
  }
  expect((await stage.inject({ method: "HEAD", url: "/v1/topics" })).statusCode).toBe(405);
});

test.each([
  ['{"to":"user:1",}', "the body is not JSON at line 1, column 16"],
  ['{"to":"user:1"\n"type":"t"}', "the body is not JSON at line 2, column 1"],
  ["[1,2", "the body is not JSON at its end (line 1): something is missing"],
  ["nope", "the body is not JSON at line 1, column 1"],
  ["", "the body is empty"],
])("malformed JSON is told its place: %j", async (body, detail) => {
  const answer = await stage.post(body);
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toMatchObject({ code: "body-invalid", detail, errors: [{ pointer: "" }] });
});

test("what isn't UTF-8 is refused", async () => {
  const answer = await stage.post(Buffer.from([0x7b, 0xff, 0x7d]));
  expect(answer.json()).toMatchObject({ code: "body-invalid", detail: "the body is not UTF-8" });
});

test("each wrong place has its pointer, parameter or header", async () => {
  const body = await stage.post({ to: ["user:1", "nobody"], typ: "t", silent: "yes" });
  expect(
    body
      .json()
      .errors.map(({ pointer }: { pointer: string }) => pointer)
      .sort(),
  ).toEqual(["/silent", "/to/1", "/typ", "/type"]);
  const query = await stage.ask("GET", "/v1/notifications/x?sorce=/shop");
  expect(query.json().errors).toEqual(
    expect.arrayContaining([
      { parameter: "sorce", detail: "is not known; did you mean source?" },
      { parameter: "source", detail: "is missing" },
      { parameter: "to", detail: "is missing" },
    ]),
  );
  const users = await stage.ask("PUT", "/v1/topics/builds/subscribers", { users: ["a", "b c"] });
  expect(users.json().errors).toEqual([{ pointer: "/users/1", detail: expect.any(String) }]);
});

test("a body with a Content-Encoding is refused", async () => {
  const answer = await stage.post(one, { "content-encoding": "gzip" });
  expect(answer.json().code).toBe("media-type-unsupported");
});

test("names that could reach a prototype are refused, in data too", async () => {
  for (const body of [
    '{"to":"user:1","type":"t","__proto__":{"silent":true}}',
    '{"to":"user:1","type":"t","data":{"a":[{"__proto__":{"x":1}}]}}',
    '{"to":"user:1","type":"t","constructor":{"prototype":{}}}',
  ]) {
    expect((await stage.post(body)).json().code).toBe("body-invalid");
  }
  expect(Object.hasOwn(Object.prototype, "x")).toBe(false);
});

test("of a name that is there twice, the last counts, for everybody alike", async () => {
  const answer = await stage.post('{"to":"user:d1","to":"user:d2","type":"t","id":"d"}');
  expect(answer.json().receipts).toEqual([{ to: "user:d2", status: "stored", seq: 1 }]);
});
