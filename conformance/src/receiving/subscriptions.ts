/** Sections 5 and 6.2: subscribed and unsubscribed while connected. */
import { describe, expect, test } from "vitest";
import { numbers, type Server } from "../server.ts";

export function subscriptions(server: Server): void {
  describe.each(["websocket", "sse"] as const)("over %s", (transport) => {
    test("subscribed while connected: told so, with the place, and then what is newer", async () => {
      const user = await server.user();
      const topic = await server.topic();
      const stream = `topic:${topic}`;
      await server.store(stream, numbers(3));
      using session = server.open(transport, user);
      await session.next("caught-up");
      await server.subscribe(topic, user);
      expect(await session.next("subscribe")).toEqual({ type: "subscribe", stream, seq: 3 });
      await server.store(stream, [4, 5]);
      const frames = await session.notifications(2);
      expect(frames.map(({ prev, seq, event }) => [prev, seq, event["data"]])).toEqual([
        [3, 4, 4],
        [4, 5, 5],
      ]);
    });

    test("unsubscribed while connected: told so, and nothing of the topic follows", async () => {
      const user = await server.user();
      const topic = await server.topic(user);
      const stream = `topic:${topic}`;
      using session = server.open(transport, user);
      await server.store(stream, [1]);
      await session.notifications(1);
      await server.unsubscribe(topic, user);
      expect(await session.next("unsubscribe")).toMatchObject({ stream });
      await server.store(stream, [2]);
      await server.store(user.stream, ["after"]);
      expect(await session.notifications(1)).toMatchObject([{ stream: user.stream }]);

      await server.subscribe(topic, user);
      expect(await session.next("subscribe")).toMatchObject({ stream, seq: 2 });
      await server.store(stream, [3]);
      expect(await session.notifications(1)).toMatchObject([{ stream, seq: 3, prev: 2 }]);
    });

    test("a topic that is deleted is left, and one made again goes on with its seqs", async () => {
      const user = await server.user();
      const topic = await server.topic(user);
      const stream = `topic:${topic}`;
      using session = server.open(transport, user);
      await server.store(stream, numbers(4));
      await session.notifications(4);
      expect((await server.ask("DELETE", `/v1/topics/${topic}`)).status).toBe(204);
      await session.next("unsubscribe");
      await server.ask("PUT", `/v1/topics/${topic}`);
      await server.subscribe(topic, user);
      const { seq } = await session.next("subscribe");
      expect(seq).toBeGreaterThanOrEqual(4);
      await server.store(stream, ["again"]);
      expect(await session.notifications(1)).toMatchObject([{ prev: seq, event: { data: "again" } }]);
    });
  });

  // It may happen between two polls: the next one has the topic then, or hasn't, and says no more.
  test("subscribed and unsubscribed while polling: what is newer, and then nothing more", async () => {
    const user = await server.user();
    const topic = await server.topic();
    const stream = `topic:${topic}`;
    await server.store(stream, numbers(3));
    using session = server.open("poll", user);
    await server.store(user.stream, ["before"]);
    await session.notifications(1);
    await server.subscribe(topic, user);
    await server.store(stream, [4, 5]);
    expect(await session.notifications(2)).toMatchObject([
      { stream, prev: 3, seq: 4 },
      { stream, prev: 4, seq: 5 },
    ]);
    await server.unsubscribe(topic, user);
    await server.store(stream, [6]);
    await server.store(user.stream, ["after"]);
    expect(await session.notifications(1)).toMatchObject([{ stream: user.stream, event: { data: "after" } }]);
  });

  test("a subscriber gets what is newer than their subscription, nothing older", async () => {
    const user = await server.user();
    const topic = await server.topic();
    await server.store(`topic:${topic}`, numbers(5));
    await server.subscribe(topic, user);
    await server.store(`topic:${topic}`, [6]);
    using session = server.open("poll", user);
    expect(await session.notifications(1)).toMatchObject([{ seq: 6, prev: 5 }]);
  });

  test("subscribed again, they keep their place", async () => {
    const user = await server.user();
    const topic = await server.topic(user);
    await server.store(`topic:${topic}`, numbers(3));
    await server.subscribe(topic, user);
    using session = server.open("poll", user);
    expect((await session.notifications(3)).map(({ seq }) => seq)).toEqual(numbers(3));
  });
}
