/** Section 5.6: users are erased. */
import { expect, test } from "vitest";
import { eventually } from "./client/deadline.ts";
import { openWebSocket } from "./client/websocket.ts";
import { fresh, numbers, type Server, type User } from "./server.ts";

export function erasing(server: Server): void {
  /** Resolves when all is erased: a server may say that it goes on. */
  const erase = async (user: User, query = "") => {
    const { status } = await server.ask("DELETE", `/v1/users/${user.id}${query}`);
    expect([202, 204]).toContain(status);
    await eventually("the end of the erasing", async () =>
      (await server.ask("DELETE", `/v1/users/${user.id}${query}`)).status === 204 ? true : null,
    );
  };
  const again = async (user: User): Promise<User> => ({ ...user, token: await server.token(user.id) });

  test("sessions end at once on every transport, and no token of before is taken any more", async () => {
    const user = await server.user();
    using first = openWebSocket(server.url, user);
    using second = server.open("sse", user);
    using third = server.open("poll", user);
    await first.next("caught-up");
    await second.next("caught-up");
    await erase(user);
    expect((await first.ended()).code).toBe(3510);
    expect((await second.ended()).code).toBe("user-erased");
    expect((await third.ended()).code).toBe("token-revoked");
    const refused = await server.ask("GET", "/v1/unread", { credential: user.token });
    expect(refused).toMatchObject({ status: 401, body: { code: "token-revoked" } });
    const later = await server.ask("GET", "/v1/unread", { credential: (await again(user)).token });
    expect(later).toMatchObject({ status: 200, body: { total: 0, streams: {} } });
  });

  test("all that was theirs is gone, and nothing of anybody else", async () => {
    const [user, other] = [await server.user(), await server.user()];
    const shared = await server.topic(user, other);
    const own = fresh("topic");
    const asUser = (method: string, path: string, body?: unknown) =>
      server.ask(method, path, { credential: user.token, ...(body === undefined ? {} : { body }) });
    expect((await asUser("PUT", `/v1/topics/${own}`)).status).toBe(201);
    await server.ask("PUT", `/v1/topics/${shared}/grants/${user.id}`);
    await server.store(user.stream, numbers(5));
    await server.store(other.stream, numbers(2));
    await server.ask("PUT", `/v1/users/${user.id}/state`, { body: { plan: "pro" } });
    await asUser("POST", "/v1/read", { stream: user.stream, upTo: 3 });
    const sent = await asUser("POST", `/v1/topics/${shared}/notifications`, {
      id: "m",
      type: "t",
      data: "mine",
    });
    expect(sent.status).toBe(202);
    await server.store(`topic:${shared}`, ["of the shop"]);
    await erase(user);

    const { body } = await server.ask("GET", `/v1/users/${user.id}`);
    expect(body).toEqual({ user: user.id, unread: 0, unseen: 0, subscriptions: 0, state: 0 });
    expect((await server.ask("GET", `/v1/topics/${own}`)).status).toBe(404);
    expect((await server.ask("GET", `/v1/topics/${shared}/grants/${user.id}`)).status).toBe(404);
    expect((await server.ask("GET", `/v1/topics/${shared}`)).body).toMatchObject({ subscribers: 1 });
    expect((await server.ask("GET", `/v1/users/${other.id}`)).body).toMatchObject({
      unread: 3,
      subscriptions: 1,
    });
    using session = openWebSocket(server.url, other);
    const shown = [];
    for (let at = 0; at < 3; at++) shown.push((await session.next("notification")).event["data"]);
    expect(shown.sort()).toEqual([1, 2, "of the shop"].sort());
  });

  test("what they sent is taken back from those who are here, too", async () => {
    const [user, other] = [await server.user(), await server.user()];
    const topic = await server.topic(user, other);
    await server.ask("PUT", `/v1/topics/${topic}/grants/${user.id}`);
    await server.ask("POST", `/v1/topics/${topic}/notifications`, {
      credential: user.token,
      body: { id: "m", type: "t", data: "mine" },
    });
    await eventually("the notification", async () =>
      ((await server.ask("GET", `/v1/users/${other.id}/unread`)).body as { total: number }).total === 1
        ? true
        : null,
    );
    await erase(user);
    await server.store(`topic:${topic}`, ["after"]);
    using session = openWebSocket(server.url, other);
    expect(await session.next("notification")).toMatchObject({ seq: 2, event: { data: "after" } });
  });

  test("topics may be kept: they are the key's then", async () => {
    const user = await server.user();
    const own = fresh("topic");
    await server.ask("PUT", `/v1/topics/${own}`, { credential: user.token });
    await erase(user, "?topics=keep");
    const { body } = await server.ask("GET", `/v1/topics/${own}`);
    expect((body as { owner: string }).owner).toMatch(/^key:/);
  });

  test("invariant 3: who comes back with an old cursor is told of a gap, and gets all that came since", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(4));
    using before = openWebSocket(server.url, user);
    const { cursor } = await before.next("hello");
    await before.next("caught-up");
    await erase(user);
    const receipts = await server.store(user.stream, ["a", "b"]);
    expect(receipts.map(({ seq }) => seq)).toEqual([5, 6]);
    using after = openWebSocket(server.url, { ...(await again(user)), cursor });
    expect(await after.next("gap")).toMatchObject({ stream: user.stream, reason: "trimmed", to: 4 });
    expect((await after.next("notification")).event["data"]).toBe("a");
    expect((await after.next("notification")).event["data"]).toBe("b");
  });

  test("of somebody unknown it erases nothing; what isn't a user or a choice is refused", async () => {
    const unknown = { id: fresh("user"), stream: "", token: "" };
    await erase(unknown);
    expect(await server.ask("DELETE", "/v1/users/user:x")).toMatchObject({
      status: 400,
      body: { code: "user-invalid" },
    });
    expect(await server.ask("DELETE", `/v1/users/${unknown.id}?topics=burn`)).toMatchObject({
      status: 400,
      body: { code: "parameter-invalid" },
    });
  });
}
