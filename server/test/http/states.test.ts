import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const of = (user: string) => `/v1/users/${user}/state`;
const put = (user: string, payload: unknown) => stage.ask("PUT", of(user), payload as object);
const patch = (user: string, payload: unknown) => stage.ask("PATCH", of(user), payload as object);
const authorized = async () => ({ authorization: await stage.key({ scopes: ["users"] }) });

test("a state is empty at first, put whole, patched, and told with its version", async () => {
  const nothing = await stage.ask("GET", of("a"));
  expect([nothing.statusCode, nothing.json(), nothing.headers.etag]).toEqual([
    200,
    { version: 0, state: {} },
    '"0"',
  ]);
  expect((await put("a", { plan: "free", seats: { used: 1, of: 2 } })).json()).toEqual({
    version: 1,
    state: { plan: "free", seats: { used: 1, of: 2 } },
  });
  const patched = await patch("a", { plan: null, seats: { used: 2 } });
  expect([patched.json(), patched.headers.etag]).toEqual([
    { version: 2, state: { seats: { used: 2, of: 2 } } },
    '"2"',
  ]);
  expect((await stage.ask("GET", of("a"))).json()).toEqual(patched.json());
  expect((await put("a", {})).json()).toEqual({ version: 3, state: {} });
});

test("what changes nothing raises no version", async () => {
  await put("same", { a: [1, { b: 2 }] });
  for (const again of [
    await put("same", { a: [1, { b: 2 }] }),
    await patch("same", {}),
    await patch("same", { z: null }),
  ])
    expect(again.json().version).toBe(1);
  expect((await patch("nobody", { z: null })).json()).toEqual({ version: 0, state: {} });
});

test("a merge patch may say that it is one, a replacement may not", async () => {
  const send = async (method: "PATCH" | "PUT") =>
    stage.inject({
      method,
      url: of("typed"),
      headers: { ...(await authorized()), "content-type": "application/merge-patch+json" },
      payload: '{"a":1}',
    });
  expect((await send("PATCH")).json()).toEqual({ version: 1, state: { a: 1 } });
  expect((await send("PUT")).json().code).toBe("media-type-unsupported");
});

describe("If-Match", () => {
  const ifMatch = async (tag: string, method: "PATCH" | "PUT" = "PUT") =>
    stage.inject({
      method,
      url: of("matched"),
      headers: { ...(await authorized()), "if-match": tag },
      payload: { tag, method },
    });

  test("changes the version that it names and no other", async () => {
    expect((await ifMatch("*")).json().code).toBe("precondition-failed");
    expect((await ifMatch('"1"')).statusCode).toBe(412);
    expect((await ifMatch('"0"')).json().version).toBe(1);
    expect((await ifMatch('"0"', "PATCH")).statusCode).toBe(412);
    expect((await ifMatch('"9", "1"', "PATCH")).json().version).toBe(2);
    expect((await ifMatch('W/"2"')).statusCode).toBe(412);
    expect((await ifMatch("*")).json().version).toBe(3);
  });

  test.each(["2", "'2'", '"2', '*, "2"'])("%s is none", async (tag) => {
    expect((await ifMatch(tag)).json()).toMatchObject({
      code: "parameter-invalid",
      errors: [{ header: "If-Match" }],
    });
  });
});

test("of those who patch at once every one is in the state", async () => {
  const names = Array.from({ length: 20 }, (_, at) => `m${at}`);
  const answers = await Promise.all(names.map((name) => patch("busy", { [name]: true })));
  expect(answers.map(({ json }) => json().version).sort((a, b) => a - b)).toEqual(
    names.map((_, at) => at + 1),
  );
  const { state } = (await stage.ask("GET", of("busy"))).json();
  expect(Object.keys(state).sort()).toEqual(names.sort());
});

describe("what a stranger might try with a state", () => {
  const raw = async (method: "PUT" | "PATCH", payload: string) =>
    stage.inject({
      method,
      url: of("attacked"),
      headers: { ...(await authorized()), "content-type": "application/json" },
      payload,
    });

  test.each([
    ['{"__proto__":{"polluted":true}}', "/__proto__"],
    ['{"a":{"constructor":{"prototype":{"polluted":true}}}}', "/a/constructor"],
    ['{"a":[{"prototype":null}]}', "/a/0/prototype"],
  ])("names that pollute prototypes are refused: %s", async (payload, pointer) => {
    for (const method of ["PUT", "PATCH"] as const)
      expect((await raw(method, payload)).json()).toMatchObject({
        code: "body-invalid",
        errors: [{ pointer }],
      });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test("a state too large, at once or little by little, is refused", async () => {
    expect((await raw("PUT", JSON.stringify({ text: "x".repeat(17_000) }))).json().code).toBe(
      "state-too-large",
    );
    expect((await raw("PUT", JSON.stringify({ one: "x".repeat(9_000) }))).statusCode).toBe(200);
    expect((await raw("PATCH", JSON.stringify({ two: "x".repeat(9_000) }))).json().code).toBe(
      "state-too-large",
    );
    expect((await raw("PATCH", JSON.stringify({ two: "x".repeat(70_000) }))).json().code).toBe(
      "body-too-large",
    );
  });

  test("a state nested without end is refused", async () => {
    for (const depth of [33, 10_000]) {
      const payload = `${'{"a":'.repeat(depth)}1${"}".repeat(depth)}`;
      for (const method of ["PUT", "PATCH"] as const)
        expect((await raw(method, payload)).json().code).toBe("body-invalid");
    }
  });

  test.each(["[]", "1", "null", '"x"', ""])("%j is no state", async (payload) => {
    for (const method of ["PUT", "PATCH"] as const)
      expect((await raw(method, payload)).json().code).toBe("body-invalid");
  });

  test("a key without the scope, and a user's own token, see and change nothing", async () => {
    const token = `Bearer ${stage.tokens.issue("attacked", 60_000).token}`;
    for (const [authorization, code] of [
      [await stage.key({ scopes: ["send", "topics", "admin"] }), "forbidden"],
      [token, "key-invalid"],
    ] as const) {
      for (const method of ["GET", "PUT", "PATCH"] as const) {
        const answer = await stage.inject({
          method,
          url: of("attacked"),
          headers: { authorization },
          ...(method === "GET" ? {} : { payload: {} }),
        });
        expect(answer.json().code).toBe(code);
      }
    }
  });
});

test("a producer sees a user at a glance, and what they have not read", async () => {
  const nobody = { user: "glance", unread: 0, unseen: 0, subscriptions: 0, state: 0 };
  expect((await stage.ask("GET", "/v1/users/glance")).json()).toEqual(nobody);
  await stage.ask("PUT", "/v1/topics/glanced");
  await stage.ask("PUT", "/v1/topics/glanced/subscribers/glance");
  await stage.ask("POST", "/v1/notifications", { to: "user:glance", source: "/shop", type: "test" });
  await put("glance", { a: 1 });
  expect((await stage.ask("GET", "/v1/users/glance")).json()).toEqual({
    user: "glance",
    unread: 1,
    unseen: 1,
    subscriptions: 1,
    state: 1,
  });
  expect((await stage.ask("GET", "/v1/users/glance/unread")).json()).toMatchObject({
    total: 1,
    streams: { "user:glance": 1 },
  });
  expect((await stage.ask("GET", "/v1/users/user:x")).json().code).toBe("user-invalid");
});
