/** Section 6.7: what a user has read, and what not. */
import type { UnreadFrame } from "@carillon/protocol/frames";
import { describe, expect, test } from "vitest";
import { pollOnce } from "../client/poll.ts";
import { transports } from "../client/session.ts";
import { openWebSocket } from "../client/websocket.ts";
import { fresh, numbers, type Server, type User } from "../server.ts";

type Unread = Omit<UnreadFrame, "type">;

export function reading(server: Server): void {
  async function unreadOf(user: User): Promise<Unread> {
    const { status, body } = await server.ask("GET", "/v1/unread", { credential: user.token });
    expect(status).toBe(200);
    return body as Unread;
  }

  const read = (user: User, body: object) => server.ask("POST", "/v1/read", { credential: user.token, body });

  test("invariant 7: counted by stream, what was read is not; hello and the request say the same", async () => {
    const user = await server.user();
    const topic = `topic:${await server.topic(user)}`;
    await server.store(user.stream, numbers(5));
    await server.store(topic, numbers(3));
    const before = await unreadOf(user);
    expect(before).toMatchObject({ total: 8, streams: { [user.stream]: 5, [topic]: 3 } });

    const answer = await read(user, { stream: user.stream, upTo: 2 });
    expect(answer).toMatchObject({ status: 200, body: { stream: user.stream, upTo: 2 } });
    expect((await read(user, { stream: topic, upTo: 3 })).status).toBe(200);
    const after = await unreadOf(user);
    expect(after).toMatchObject({ total: 3, streams: { [user.stream]: 3 } });
    expect(after.streams).not.toHaveProperty(topic);
    expect(after.rev).not.toBe(before.rev);
    using session = openWebSocket(server.url, user);
    expect((await session.next("hello")).unread).toEqual(after);
  });

  test("silent ones, taken back, collapsed and expired ones don't count", async () => {
    const user = await server.user();
    await server.store(user.stream, [1], { silent: true });
    await server.store(user.stream, [2], { expires: "2020-01-01T00:00:00Z" });
    await server.store(user.stream, [3], { collapseKey: "k" });
    await server.store(user.stream, [4], { collapseKey: "k" });
    const id = fresh("n");
    await server.store(user.stream, [5], { id });
    await server.takeBack(id, user.stream);
    await server.store(user.stream, [6]);
    expect(await unreadOf(user)).toMatchObject({ total: 2 });
  });

  test("what was there before a subscription doesn't count", async () => {
    const user = await server.user();
    const topic = await server.topic();
    await server.store(`topic:${topic}`, numbers(4));
    await server.subscribe(topic, user);
    await server.store(`topic:${topic}`, [5]);
    expect(await unreadOf(user)).toMatchObject({ total: 1, streams: { [`topic:${topic}`]: 1 } });
  });

  test("the larger wins for ever, and beyond the newest means the newest", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(5));
    const answers = [];
    for (const upTo of [3, 1, 1_000]) {
      answers.push((await read(user, { stream: user.stream, upTo })).body as { upTo: number });
    }
    expect(answers.map(({ upTo }) => upTo)).toEqual([3, 3, 5]);
    await server.store(user.stream, [6]);
    expect(await unreadOf(user)).toMatchObject({ total: 1 });
  });

  test.each(transports)("the user's other sessions are told over %s", async (transport) => {
    const user = await server.user();
    await server.store(user.stream, numbers(5));
    using session = server.open(transport, user);
    await session.notifications(5);
    using reader = openWebSocket(server.url, user);
    await reader.next("caught-up");
    // A poll may be between two answers just then: what it misses, the next read tells.
    let upTo = 0;
    const told = session.next("read");
    let heard = false;
    void told.then(() => {
      heard = true;
    });
    while (!heard && upTo < 5) {
      upTo++;
      expect(await reader.ask({ type: "read", stream: user.stream, upTo })).toMatchObject({ ok: true });
      await reader.next("unread");
    }
    expect(await told).toMatchObject({ stream: user.stream });
    expect((await session.next("unread")).total).toBeLessThan(5);
  });

  test("invariant 7: a client counts on from its unread, and the next one says the same", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(3));
    using session = openWebSocket(server.url, user);
    const { unread } = await session.next("hello");
    await session.next("caught-up");
    await server.store(user.stream, [4]);
    await server.store(user.stream, [5], { silent: true });
    const fresh = (await session.notifications(5)).filter(({ seq, event }) => seq! > 3 && !event["silent"]);
    expect((await unreadOf(user)).total).toBe(unread.total + fresh.length);
  });

  test("a poll with another rev begins with unread, one with the same doesn't", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(2));
    const { body } = await pollOnce(server.url, user, 0);
    const { rev } = await unreadOf(user);
    const poll = (known: number) =>
      server.ask("GET", `/v1/poll?wait=0&cursor=${body.cursor}&rev=${known}`, { credential: user.token });
    expect((await poll(rev)).body).toMatchObject({ frames: [] });
    await read(user, { stream: user.stream, upTo: 1 });
    expect((await poll(rev)).body).toMatchObject({ frames: [{ type: "unread", total: 1 }] });
  });

  describe("refused", () => {
    test.each([
      ["a stream that isn't followed", { stream: `user:${fresh()}`, upTo: 1 }, 409, "not-followed"],
      ["a topic that isn't", { stream: `topic:${fresh()}`, upTo: 1 }, 409, "not-followed"],
      ["no place", { stream: "user:a" }, 400, "body-invalid"],
      ["a place that is none", { stream: "user:a", upTo: -1 }, 400, "body-invalid"],
      ["no stream", { upTo: 1 }, 400, "body-invalid"],
    ])("%s", async (_, body, status, code) => {
      expect(await read(await server.user(), body)).toMatchObject({ status, body: { code } });
    });

    test("over WebSocket", async () => {
      using session = openWebSocket(server.url, await server.user());
      const reply = await session.ask({ type: "read", stream: `user:${fresh()}`, upTo: 1 });
      expect(reply).toMatchObject({ ok: false, error: { code: "not-followed" } });
      session.say({ type: "read", stream: "nobody", upTo: 1 });
      expect(await session.ended()).toMatchObject({ code: 3503 });
    });
  });
}
