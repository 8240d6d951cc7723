/** Section 6.5: what a client may say, and what ends its session. */
import { describe, expect, test } from "vitest";
import { openWebSocket } from "../client/websocket.ts";
import { numbers, type Server } from "../server.ts";

export function clientFrames(server: Server): void {
  test("a ping with a ref is answered, one without isn't", async () => {
    using session = openWebSocket(server.url, await server.user());
    session.say({ type: "ping" });
    session.say({ type: "ping", ref: 0 });
    expect(await session.next("reply")).toEqual({ type: "reply", ref: 0, ok: true });
    expect((await session.ask({ type: "ping" })).ok).toBe(true);
    expect(session.all.filter(({ type }) => type === "reply")).toHaveLength(2);
  });

  test("members that the server doesn't know are passed over", async () => {
    using session = openWebSocket(server.url, await server.user());
    expect((await session.ask({ type: "ping", more: { deep: [1] } })).ok).toBe(true);
  });

  describe("ends the session", () => {
    test.each([
      ["no JSON", "{", 3503],
      ["no object", "[]", 3503],
      ["null", "null", 3503],
      ["no type", {}, 3503],
      ["a type that isn't known", { type: "hello" }, 3503],
      ["a ref that is no number", { type: "ping", ref: "1" }, 3503],
      ["a ref below 0", { type: "ping", ref: -1 }, 3503],
      ["a seq that is none", { type: "ack", stream: "user:a", seq: 1.5 }, 3503],
      ["a stream that is none", { type: "ack", stream: "a", seq: 1 }, 3503],
      ["a topic that is none", { type: "subscribe", topic: "a b" }, 3503],
      ["no topic", { type: "unsubscribe" }, 3503],
      ["nothing to send", { type: "send", topic: "a" }, 3503],
      ["a list to send", { type: "send", topic: "a", notification: [] }, 3503],
      ["a token that is no text", { type: "auth", token: 1 }, 3503],
      ["a binary message", Buffer.from('{"type":"ping"}'), 3503],
      ["a frame of more than 64 KB", { type: "ping", more: "x".repeat(65_536) }, 3504],
    ])("%s", async (_, frame, code) => {
      using session = openWebSocket(server.url, await server.user());
      await session.next("hello");
      session.say(frame);
      expect(await session.ended()).toMatchObject({ code });
    });

    test("text that isn't UTF-8", async () => {
      using session = openWebSocket(server.url, await server.user());
      await session.next("hello");
      session.sayText(Buffer.from([0x22, 0xff, 0x22]));
      expect(await session.ended()).toMatchObject({ code: 1007 });
    });

    test("more frames than 100 at once", async () => {
      using session = openWebSocket(server.url, await server.user());
      await session.next("hello");
      for (const _ of numbers(300)) session.say({ type: "ping" });
      expect(await session.ended()).toMatchObject({ code: 3505 });
    });

    test("and nobody else's", async () => {
      const user = await server.user();
      using wild = openWebSocket(server.url, user);
      using tame = openWebSocket(server.url, user);
      await tame.next("caught-up");
      wild.say("{");
      await wild.ended();
      await server.store(user.stream, [1]);
      await tame.notifications(1);
    });
  });
}
