/** Sections 3.1 to 3.4: tickets, revocation, browsers, rates. */
import type { Ticket, Token } from "@carillon/protocol/answers";
import { describe, expect, test } from "vitest";
import { transports } from "./client/session.ts";
import { openWebSocket, refusedWebSocket } from "./client/websocket.ts";
import { fresh, type Server, type User } from "./server.ts";

export function credentials(server: Server): void {
  const ticketOf = async ({ token }: User): Promise<string> => {
    const { status, body } = await server.ask("POST", "/v1/tickets", { credential: token });
    expect(status).toBe(201);
    return (body as Ticket).ticket;
  };
  const revoke = async (user: User, body: object) => {
    const answer = await server.ask("POST", `/v1/users/${user.id}/revocations`, { body });
    expect(answer.status).toBe(201);
    return answer.body as { readonly issuedBefore: string; readonly until: string };
  };
  const codeOf = async (token: string) => {
    const { status, body } = await server.ask("GET", "/v1/unread", { credential: token });
    return status === 200 ? "good" : (body as { code: string }).code;
  };

  describe("a ticket", () => {
    test("opens a poll and a stream once, without a header", async () => {
      const user = await server.user();
      const poll = `/v1/poll?wait=0&ticket=${await ticketOf(user)}`;
      expect(await server.ask("GET", poll, { credential: null })).toMatchObject({ status: 200 });
      const used = { status: 401, body: { code: "ticket-invalid" } };
      expect(await server.ask("GET", poll, { credential: null })).toMatchObject(used);
      const events = poll.replace("poll", "events");
      expect(await server.ask("GET", events, { credential: null })).toMatchObject(used);
    });

    test("opens a WebSocket as its user once; then a close code says why not", async () => {
      const user = await server.user();
      const wanted = { token: "", says: "nothing", query: { ticket: await ticketOf(user) } } as const;
      using session = openWebSocket(server.url, wanted);
      expect(await session.next("hello")).toMatchObject({ user: user.id });
      using again = openWebSocket(server.url, wanted);
      expect(await again.ended()).toMatchObject({ code: 3509 });
    });

    test("is refused when nobody made it, or it was changed", async () => {
      const ticket = await ticketOf(await server.user());
      for (const forged of ["", "ct_", `${ticket}A`, `ct_A${ticket.slice(3)}`, await server.token(fresh())]) {
        const path = `/v1/poll?${new URLSearchParams({ wait: "0", ticket: forged })}`;
        const refused = await server.ask("GET", path, { credential: null });
        expect(refused, forged).toMatchObject({ status: 401, body: { code: "ticket-invalid" } });
      }
    });

    test("is no token, and opens no request", async () => {
      const ticket = await ticketOf(await server.user());
      expect(await codeOf(ticket)).toBe("token-invalid");
      const path = `/v1/unread?ticket=${ticket}`;
      expect(await server.ask("GET", path, { credential: null })).toMatchObject({ status: 401 });
    });

    test("ends with the token that it was made with", async () => {
      const user = await server.user();
      const ticket = await ticketOf(user);
      await revoke(user, {});
      const path = `/v1/poll?wait=0&ticket=${ticket}`;
      expect(await server.ask("GET", path, { credential: null })).toMatchObject({
        status: 401,
        body: { code: "token-revoked" },
      });
    });
  });

  describe("a revocation", () => {
    test.each(transports)(
      "of a user ends a session over %s at once, and not those of others",
      async (transport) => {
        const [user, other] = [await server.user(), await server.user()];
        using session = server.open(transport, user);
        using kept = openWebSocket(server.url, other);
        await server.store(user.stream, [1]);
        await session.notifications(1);
        await kept.next("hello");
        await revoke(user, {});
        const { code } = await session.ended();
        expect(code).toBe(transport === "websocket" ? 3508 : "token-revoked");
        expect(await kept.ask({ type: "ping" })).toMatchObject({ ok: true });
      },
    );

    test("by id is of one token alone, and is listed and withdrawn", async () => {
      const user = await server.user();
      const made = await server.ask("POST", `/v1/users/${user.id}/tokens`, { body: {} });
      const { token, jti } = made.body as Token;
      await revoke(user, { jti });
      expect([await codeOf(token), await codeOf(user.token)]).toEqual(["token-revoked", "good"]);
      const path = `/v1/users/${user.id}/revocations`;
      const { body } = await server.ask("GET", path);
      expect(body).toMatchObject({ revocations: [{ user: user.id, jti }] });
      expect(await server.ask("DELETE", `${path}?jti=${jti}`)).toMatchObject({ status: 204 });
      expect(await server.ask("DELETE", `${path}?jti=${jti}`)).toMatchObject({
        status: 404,
        body: { code: "revocation-not-found" },
      });
      expect((await server.ask("GET", path)).body).toEqual({ revocations: [] });
    });

    test("by time leaves what was issued behind it, and lives for a day", async () => {
      const user = await server.user();
      const { issuedBefore, until } = await revoke(user, {});
      expect(await codeOf(user.token)).toBe("token-revoked");
      const days = (Date.parse(until) - Date.parse(issuedBefore)) / 86_400_000;
      expect(days).toBeCloseTo(1, 1);
      const old = new Date(Date.parse(issuedBefore) - 60_000).toISOString();
      await revoke(await server.user(), { issuedBefore: old });
    });

    test("of what isn't a time of the past, or of two things at once, is refused", async () => {
      const path = `/v1/users/${fresh()}/revocations`;
      const ahead = new Date(Date.now() + 600_000).toISOString();
      const past = new Date(Date.now() - 600_000).toISOString();
      for (const body of [
        { issuedBefore: ahead },
        { issuedBefore: "now" },
        { jti: "a", issuedBefore: past },
        { jti: "" },
      ])
        expect(await server.ask("POST", path, { body })).toMatchObject({
          status: 400,
          body: { code: "body-invalid" },
        });
    });
  });

  describe("pages", () => {
    const evil = (): string => `https://${fresh()}.example`;

    test("of other origins are refused, with a good token, and their preflights", async () => {
      const { token } = await server.user();
      const refused = { status: 403, body: { code: "origin-forbidden" } };
      const origin = evil();
      for (const path of ["/v1/unread", "/v1/poll?wait=0", "/v1/events"])
        expect(await server.ask("GET", path, { credential: token, headers: { origin } })).toMatchObject(
          refused,
        );
      const headers = { origin, "access-control-request-method": "POST" };
      expect(await server.ask("OPTIONS", "/v1/read", { credential: null, headers })).toMatchObject(refused);
      expect(await refusedWebSocket(server.url, { headers: { origin } })).toMatchObject(refused);
    });

    test("of the server's own host may ask, and connect", async () => {
      const { token } = await server.user();
      const headers = { origin: new URL(server.url).origin };
      const answer = await server.ask("GET", "/v1/unread", { credential: token, headers });
      expect(answer.status).toBe(200);
      expect(answer.headers.get("access-control-allow-origin")).toBe(headers.origin);
      const preflight = await server.ask("OPTIONS", "/v1/read", {
        credential: null,
        headers: { ...headers, "access-control-request-method": "POST" },
      });
      expect(preflight.status).toBe(204);
    });
  });

  test("every answer to a caller who is known says where they stand", async () => {
    const { headers } = await server.ask("GET", "/v1/topics?limit=1");
    expect(headers.get("ratelimit")).toMatch(/^"requests";r=\d+;t=\d+, "notifications";r=\d+;t=\d+$/);
    expect(headers.get("ratelimit-policy")).toMatch(/^"requests";q=\d+;w=\d+, "notifications";q=\d+;/);
  });
}
