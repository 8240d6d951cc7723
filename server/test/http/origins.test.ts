import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { allowsOrigin } from "../../src/http/origins.ts";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ origins: ["https://app.example"] });
});
afterAll(() => stage.close());

const app = "https://app.example";
const preflight = (url: string, origin: string, method = "POST") =>
  stage.app.inject({
    method: "OPTIONS",
    url,
    headers: {
      origin,
      "access-control-request-method": method,
      "access-control-request-headers": "authorization",
    },
  });
const ask = (origin: string | undefined, more: object = {}) => {
  const authorization = `Bearer ${stage.tokens.issue("42", 60_000).token}`;
  const headers = { host: "carillon.example", authorization, ...(origin && { origin }), ...more };
  return stage.app.inject({ method: "GET", url: "/v1/unread", headers });
};

test("a page of an allowed origin may ask, and read the answer", async () => {
  const answer = await ask(app);
  expect(answer.statusCode).toBe(200);
  expect(answer.headers).toMatchObject({ "access-control-allow-origin": app, vary: "Origin" });
  expect(answer.headers["access-control-expose-headers"]).toContain("retry-after");
  expect(answer.headers["access-control-allow-credentials"]).toBeUndefined();
});

test("it may read why it was refused, too", async () => {
  const answer = await ask(app, { authorization: "Bearer a.b.c" });
  expect(answer.statusCode).toBe(401);
  expect(answer.headers["access-control-allow-origin"]).toBe(app);
});

test.each(["https://evil.example", "https://app.example.evil", "http://app.example", "null", "nonsense"])(
  "a page of %s is refused, its preflight as well, however good its token",
  async (origin) => {
    for (const answer of [await ask(origin), await preflight("/v1/read", origin)]) {
      expect(answer.statusCode).toBe(403);
      expect(answer.json().code).toBe("origin-forbidden");
      expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
    }
  },
);

test("a preflight for what clients ask is answered without a credential", async () => {
  const answer = await preflight("/v1/read", app);
  expect(answer.statusCode).toBe(204);
  expect(answer.body).toBe("");
  expect(answer.headers).toMatchObject({ "access-control-allow-origin": app, vary: "Origin" });
  expect(answer.headers["access-control-allow-headers"]).toContain("authorization");
  expect(answer.headers["access-control-allow-methods"]).toContain("POST");
});

test("producers' requests are not for pages", async () => {
  const answer = await preflight("/v1/notifications", app);
  expect(answer.statusCode).toBe(405);
  const sent = await stage.post({ to: "user:1", type: "t" }, { origin: app });
  expect(sent.statusCode).toBe(202);
  expect(sent.headers["access-control-allow-origin"]).toBeUndefined();
  expect((await preflight("/v1/nothing", app)).statusCode).toBe(404);
  expect((await preflight("/v1/read", app, "DELETE")).statusCode).toBe(405);
});

describe("without any allowed origin", () => {
  const allows = (origin: string, host: string | undefined, isSecure = false) =>
    allowsOrigin([], { origin, host, isSecure });

  test("the server's own pages are let in, and no others", () => {
    expect(allows("http://a.example:7700", "a.example:7700")).toBe(true);
    expect(allows("https://a.example", "a.example")).toBe(true);
    expect(allows("https://a.example", "a.example:443")).toBe(true);
    expect(allows("http://[::1]:7700", "[::1]:7700")).toBe(true);
    for (const [origin, host] of [
      ["https://b.example", "a.example"],
      ["https://a.example:8443", "a.example"],
      ["http://a.example:7701", "a.example:7700"],
      ["https://a.example", undefined],
      ["null", "null"],
      ["file:///a.example", "a.example"],
      ["https://a.example", "a.example@b.example"],
    ] as const)
      expect(allows(origin, host), origin).toBe(false);
  });

  test("where TLS ends here, a page without it is another origin", () => {
    expect(allows("http://a.example", "a.example", true)).toBe(false);
    expect(allows("https://a.example", "a.example", true)).toBe(true);
  });
});
