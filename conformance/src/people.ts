/** Section 5.5: what applications keep about users, and what their clients are told of it. */
import type { UserState } from "@carillon/protocol/frames";
import { expect, test } from "vitest";
import { eventually } from "./client/deadline.ts";
import { request } from "./client/request.ts";
import { openWebSocket } from "./client/websocket.ts";
import type { Server, User } from "./server.ts";

export function people(server: Server): void {
  const stateOf = (user: User) => `/v1/users/${user.id}/state`;
  async function put(user: User, state: object): Promise<UserState> {
    const { status, body } = await server.ask("PUT", stateOf(user), { body: state });
    expect(status, JSON.stringify(body)).toBe(200);
    return body as UserState;
  }
  const patch = (user: User, body: object, headers: Record<string, string> = {}) =>
    server.ask("PATCH", stateOf(user), {
      body: JSON.stringify(body),
      headers: { "content-type": "application/merge-patch+json", ...headers },
    });

  test("a state is put, patched and read, and its ETag holds off who was late", async () => {
    const user = await server.user();
    expect((await server.ask("GET", stateOf(user))).body).toEqual({ version: 0, state: {} });
    expect(await put(user, { plan: "free", n: { a: 1 } })).toEqual({
      version: 1,
      state: { plan: "free", n: { a: 1 } },
    });
    const patched = await patch(
      user,
      { plan: "pro", n: { a: null, b: "é\u{1f514}" } },
      { "if-match": '"1"' },
    );
    const after = { version: 2, state: { plan: "pro", n: { b: "é\u{1f514}" } } };
    expect([patched.status, patched.body, patched.headers.get("etag")]).toEqual([200, after, '"2"']);
    expect(await patch(user, { plan: "late" }, { "if-match": '"1"' })).toMatchObject({
      status: 412,
      body: { code: "precondition-failed" },
    });
    const read = await server.ask("GET", stateOf(user));
    expect([read.body, read.headers.get("etag")]).toEqual([after, '"2"']);
  });

  test("a state is told in hello and pushed to every session of the user, to nobody else", async () => {
    const [user, other] = [await server.user(), await server.user()];
    await put(user, { n: 1 });
    using first = openWebSocket(server.url, user);
    using second = server.open("sse", user);
    using stranger = openWebSocket(server.url, other);
    expect((await first.next("hello")).state).toEqual({ version: 1, state: { n: 1 } });
    expect((await second.next("hello")).state).toEqual({ version: 1, state: { n: 1 } });
    expect((await stranger.next("hello")).state).toEqual({ version: 0, state: {} });
    await put(user, { n: 2 });
    await patch(user, { m: 3 });
    for (const session of [first, second]) {
      for (let version = 1; version < 3; ) {
        const told = await session.next("state");
        expect(told.version).toBeGreaterThan(version);
        if (told.version === 3) expect(told.state).toEqual({ n: 2, m: 3 });
        version = told.version;
      }
    }
    await put(other, { own: true });
    expect(await stranger.next("state")).toEqual({ type: "state", version: 1, state: { own: true } });
    using back = openWebSocket(server.url, user);
    expect((await back.next("hello")).state).toEqual({ version: 3, state: { n: 2, m: 3 } });
  });

  test("a poll waits for a change, and begins with the state where the client has another", async () => {
    const user = await server.user();
    const poll = (query: string, wait: number) =>
      request("GET", `${server.url}/v1/poll?wait=${wait}&${query}`, {
        credential: user.token,
        timeoutMs: 40_000,
      });
    const framesOf = ({ body }: { body: unknown }) => (body as { frames: { type: string }[] }).frames;
    const waiting = poll("state=0", 20);
    using session = openWebSocket(server.url, user);
    await session.next("caught-up");
    await put(user, { n: 1 });
    const told = { type: "state", version: 1, state: { n: 1 } };
    expect(framesOf(await waiting)).toContainEqual(told);
    expect(framesOf(await poll("state=0", 0))).toContainEqual(told);
    expect(framesOf(await poll("state=1", 0))).not.toContainEqual(told);
    const text = "é\n\u2028".repeat(1_800);
    await put(user, { text });
    expect(framesOf(await poll("state=1", 0))).toContainEqual({ type: "state", version: 2, state: { text } });
    expect(await poll("state=x", 0)).toMatchObject({ status: 400, body: { code: "parameter-invalid" } });
  });

  test.each(["websocket", "sse"] as const)(
    "over %s a state of the largest size arrives whole",
    async (transport) => {
      const user = await server.user();
      const text = "é\n\u2028".repeat(1_800);
      using session = server.open(transport, user);
      await session.next("caught-up");
      await put(user, { text });
      expect((await session.next("state")).state).toEqual({ text });
    },
  );

  test("who is here is told with every session, and no more once it has gone", async () => {
    const user = await server.user();
    type Told = { online: boolean; complete: boolean; count: number; sessions: { session: string }[] };
    const presence = async () => {
      const { status, body } = await server.ask("GET", `/v1/users/${user.id}/presence`);
      expect(status).toBe(200);
      return body as Told;
    };
    expect(await presence()).toEqual({ online: false, complete: true, count: 0, sessions: [] });
    const began = Date.now();
    {
      using first = openWebSocket(server.url, user);
      const { session } = await first.next("hello");
      using second = server.open("sse", { ...user, device: "desk" });
      await second.next("hello");
      await eventually("both sessions", async () => ((await presence()).count === 2 ? true : null));
      const told = await presence();
      expect(told).toMatchObject({ online: true, complete: true });
      expect(told.sessions).toContainEqual({
        session,
        transport: "websocket",
        since: expect.any(String),
        device: null,
      });
      expect(told.sessions).toContainEqual(expect.objectContaining({ transport: "sse", device: "desk" }));
      for (const { since } of told.sessions as unknown as { since: string }[])
        expect(Math.abs(Date.parse(since) - began)).toBeLessThan(60_000);
    }
    await eventually("nobody", async () => ((await presence()).online ? null : true));
    const polled = await request("GET", `${server.url}/v1/poll?wait=0`, { credential: user.token });
    expect(polled.status).toBe(200);
    expect(await presence()).toMatchObject({ online: true, sessions: [{ transport: "poll" }] });
  });

  test("what is no state is refused, by its documented problem", async () => {
    const user = await server.user();
    const attempts = [
      [JSON.stringify({ text: "x".repeat(16_400) }), 413, "state-too-large"],
      ['{"__proto__":{"a":1}}', 400, "body-invalid"],
      [`${'{"a":'.repeat(40)}1${"}".repeat(40)}`, 400, "body-invalid"],
      ["[1]", 400, "body-invalid"],
    ] as const;
    for (const method of ["PUT", "PATCH"])
      for (const [body, status, code] of attempts) {
        const answer = await server.ask(method, stateOf(user), {
          body,
          headers: { "content-type": "application/json" },
        });
        expect(answer).toMatchObject({ status, body: { code } });
      }
    const asUser = await server.ask("GET", stateOf(user), { credential: user.token });
    expect(asUser).toMatchObject({ status: 401, body: { code: "key-invalid" } });
    expect((await server.ask("GET", stateOf(user))).body).toEqual({ version: 0, state: {} });
  });

  test("invariant 7: a producer sees of a user what the user sees", async () => {
    const user = await server.user();
    await server.topic(user);
    await server.store(user.stream, [1, 2, 3]);
    await server.ask("POST", "/v1/seen", { credential: user.token, body: { stream: user.stream, upTo: 2 } });
    await put(user, { n: 1 });
    const { body } = await server.ask("GET", `/v1/users/${user.id}`);
    expect(body).toEqual({ user: user.id, unread: 3, unseen: 1, subscriptions: 1, state: 1 });
    const mine = await server.ask("GET", "/v1/unread", { credential: user.token });
    expect((await server.ask("GET", `/v1/users/${user.id}/unread`)).body).toEqual(mine.body);
  });
}
