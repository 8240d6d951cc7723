/** Section 3: who is asking, and what they may. */
import { createHmac } from "node:crypto";
import { describe, expect, test } from "vitest";
import { pollOnce } from "./client/poll.ts";
import { openSse } from "./client/sse.ts";
import { openWebSocket, refusedWebSocket } from "./client/websocket.ts";
import { fresh, type Server, type User } from "./server.ts";

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** A token as this server would make it, but for the key. */
function forge(claims: object, header: object = { alg: "HS256", typ: "JWT" }): string {
  const signed = `${encode(header)}.${encode(claims)}`;
  return `${signed}.${createHmac("sha256", "a key of nobody in particular, 32+").update(signed).digest("base64url")}`;
}

const inAnHour = (): number => Math.floor(Date.now() / 1_000) + 3_600;

const producers = [
  ["POST", "/v1/notifications"],
  ["GET", "/v1/notifications/a?source=/a&to=user:1"],
  ["DELETE", "/v1/notifications/a?source=/a&to=user:1"],
  ["POST", "/v1/users/1/tokens"],
  ["POST", "/v1/users/1/revocations"],
  ["GET", "/v1/users/1/revocations"],
  ["DELETE", "/v1/users/1/revocations"],
  ["POST", "/v1/revocations"],
  ["GET", "/v1/revocations"],
  ["DELETE", "/v1/revocations"],
] as const;

/** For producers and for users. */
const both = [
  ["GET", "/v1/topics"],
  ["PUT", "/v1/topics/a"],
  ["PATCH", "/v1/topics/a"],
  ["GET", "/v1/topics/a"],
  ["DELETE", "/v1/topics/a"],
  ["GET", "/v1/topics/a/subscribers"],
  ["PUT", "/v1/topics/a/subscribers"],
  ["PUT", "/v1/topics/a/subscribers/1"],
  ["DELETE", "/v1/topics/a/subscribers/1"],
  ["GET", "/v1/topics/a/grants"],
  ["GET", "/v1/topics/a/grants/1"],
  ["PUT", "/v1/topics/a/grants/1"],
  ["DELETE", "/v1/topics/a/grants/1"],
] as const;

const clients = [
  ["GET", "/v1/events"],
  ["GET", "/v1/poll?wait=0"],
  ["POST", "/v1/ack"],
  ["GET", "/v1/subscriptions"],
  ["GET", "/v1/subscriptions/a"],
  ["PUT", "/v1/subscriptions/a"],
  ["DELETE", "/v1/subscriptions/a"],
  ["POST", "/v1/topics/a/notifications"],
  ["POST", "/v1/tickets"],
] as const;

export function access(server: Server): void {
  const forgeries = (user: User): [string, string][] => {
    const [header, payload, signature] = user.token.split(".") as [string, string, string];
    const claims = { sub: user.id, iat: inAnHour() - 3_600, exp: inAnHour() };
    const other = encode({ ...JSON.parse(Buffer.from(payload, "base64url").toString()), sub: "root" });
    return [
      ["signed with another key", forge(claims)],
      ["of no algorithm", `${encode({ alg: "none" })}.${payload}.`],
      ["of no algorithm, with a signature", forge(claims, { alg: "none", typ: "JWT" })],
      ["for another user under the same signature", `${header}.${other}.${signature}`],
      ["without its signature", `${header}.${payload}.`],
      ["cut", user.token.slice(0, -4)],
      ["no token at all", "abc"],
    ];
  };

  test.each([...producers, ...both, ...clients])("%s %s without a credential: 401", async (method, path) => {
    for (const headers of [{}, { authorization: "Basic YTpi" }, { authorization: "Bearer" }]) {
      const answer = await server.ask(method, path, { credential: null, headers });
      expect(answer).toMatchObject({ status: 401, body: { code: "unauthenticated" } });
      expect(answer.headers.get("www-authenticate")).toBe("Bearer");
    }
  });

  test.each(producers)("%s %s takes no user's token for a key", async (method, path) => {
    const { token: credential } = await server.user();
    const { status, body } = await server.ask(method, path, { credential });
    expect({ status, body }).toMatchObject({ status: 401, body: { code: "key-invalid" } });
  });

  test.each(clients)("%s %s takes no API key for a token", async (method, path) => {
    expect(await server.ask(method, path)).toMatchObject({ status: 401, body: { code: "token-invalid" } });
  });

  test("an API key that nobody gave out is refused", async () => {
    const credential = `ck_${"A".repeat(43)}`;
    for (const [method, path] of [...producers, ...both]) {
      const answer = await server.ask(method, path, { credential });
      expect(answer).toMatchObject({ status: 401, body: { code: "key-invalid" } });
      expect(answer.headers.get("www-authenticate")).toContain("invalid_token");
    }
  });

  test("a credential in the URL counts for nothing", async () => {
    const user = await server.user();
    for (const name of ["token", "access_token", "key"]) {
      const query = new URLSearchParams({ [name]: user.token, wait: "0" });
      const answer = await server.ask("GET", `/v1/poll?${query}`, { credential: null });
      expect(answer).toMatchObject({ status: 401 });
    }
  });

  describe("forged tokens", () => {
    test("are refused by every transport, and by requests", async () => {
      const user = await server.user();
      for (const [what, token] of forgeries(user)) {
        const refused = { status: 401, body: { code: "token-invalid" } };
        for (const [method, path] of [...clients, ...both]) {
          expect(await server.ask(method, path, { credential: token }), what).toMatchObject(refused);
        }
        const headers = { authorization: `Bearer ${token}` };
        expect(await refusedWebSocket(server.url, { headers }), what).toMatchObject(refused);
      }
    });

    test("in the first frame they close the WebSocket", async () => {
      const user = await server.user();
      for (const [what, token] of forgeries(user)) {
        using session = openWebSocket(server.url, { ...user, token, says: "frame" });
        expect(await session.ended(), what).toMatchObject({ code: 3501 });
      }
    });

    test("as a refreshment too, and so does a good one of another user", async () => {
      const [user, other] = [await server.user(), await server.user()];
      for (const token of [forge({ sub: user.id, iat: inAnHour() - 3_600, exp: inAnHour() }), other.token]) {
        using session = openWebSocket(server.url, user);
        await session.next("hello");
        session.say({ type: "auth", token });
        expect(await session.ended()).toMatchObject({ code: 3501 });
      }
    });
  });

  test("before its token a WebSocket may say nothing else", async () => {
    for (const frame of [{ type: "ping" }, { type: "ack", stream: "user:a", seq: 1 }, "{"]) {
      using session = openWebSocket(server.url, { token: "", says: "nothing" });
      session.say(frame);
      expect(await session.ended()).toMatchObject({ code: 3503 });
      expect(session.all).toEqual([]);
    }
  });

  test("a WebSocket that never says a token is closed", async () => {
    using session = openWebSocket(server.url, { token: "", says: "nothing" });
    expect(await session.ended(30_000)).toMatchObject({ code: 3502 });
  });

  describe("a token's end", () => {
    test("ends the session on WebSocket", async () => {
      const user = await server.user("1s");
      using session = openWebSocket(server.url, user);
      expect(await session.ended(30_000)).toMatchObject({ code: 3500 });
      const headers = { authorization: `Bearer ${user.token}` };
      const refused = await refusedWebSocket(server.url, { headers });
      expect(refused).toMatchObject({ status: 401, body: { code: "token-expired" } });
      using again = openWebSocket(server.url, { ...user, says: "frame" });
      expect(await again.ended()).toMatchObject({ code: 3500 });
    });

    test("ends the stream, and says why in an error event; asked for again it is refused", async () => {
      const user = await server.user("1s");
      using session = openSse(server.url, user);
      expect(await session.ended(30_000)).toMatchObject({ code: "token-expired" });
      const answer = await server.ask("GET", "/v1/events", { credential: user.token });
      expect(answer).toMatchObject({ status: 401, body: { code: "token-expired" } });
    });

    test("is what a poll that waits is answered with", async () => {
      const user = await server.user("1s");
      const { status, body } = await pollOnce(server.url, user, 20);
      expect({ status, body }).toMatchObject({ status: 401, body: { code: "token-expired" } });
    });

    test("is put off by a fresh token in band", async () => {
      const user = await server.user("1s");
      using kept = openWebSocket(server.url, user);
      using left = openWebSocket(server.url, user);
      await kept.next("hello");
      const token = await server.token(user.id);
      expect(await kept.ask({ type: "auth", token })).toMatchObject({ ok: true });
      expect(await left.ended(30_000)).toMatchObject({ code: 3500 });
      expect(await kept.ask({ type: "ping" })).toMatchObject({ ok: true });
      await server.store(user.stream, ["still here"]);
      await kept.notifications(1);
    });
  });

  describe("tokens that the server makes", () => {
    test("say who, and for how long", async () => {
      const id = fresh("user");
      const before = Date.now();
      const { status, headers, body } = await server.ask("POST", `/v1/users/${id}/tokens`, {
        body: { ttl: "2h" },
      });
      const { token, expires } = body as { token: string; expires: string };
      expect(status).toBe(201);
      expect(headers.get("cache-control")).toContain("no-store");
      const claims = JSON.parse(Buffer.from(token.split(".")[1]!, "base64url").toString());
      expect(claims).toMatchObject({ sub: id, exp: Date.parse(expires) / 1_000 });
      expect(Math.abs(Date.parse(expires) - before - 7_200_000)).toBeLessThan(10_000);
    });

    test.each([
      ["more than a day", { ttl: "25h" }],
      ["no duration", { ttl: 60 }],
      ["no unit", { ttl: "60" }],
      ["another member", { expires: "1h" }],
    ])("%s is refused", async (_, body) => {
      const answer = await server.ask("POST", `/v1/users/${fresh()}/tokens`, { body });
      expect(answer).toMatchObject({ status: 400, body: { code: "body-invalid" } });
    });

    test("a user's id that is none is refused", async () => {
      for (const id of ["a%20b", "a%2Fb", "a,b", "u".repeat(129)]) {
        const answer = await server.ask("POST", `/v1/users/${id}/tokens`, { body: {} });
        expect(answer).toMatchObject({ status: 400, body: { code: "user-invalid" } });
      }
    });
  });

  test("a page of an origin that isn't allowed may not connect", async () => {
    const { token } = await server.user();
    const headers = { authorization: `Bearer ${token}`, origin: `https://${fresh()}.example` };
    const { status, body } = await refusedWebSocket(server.url, { headers });
    expect({ status, body }).toMatchObject({ status: 403, body: { code: "origin-forbidden" } });
  });
}
