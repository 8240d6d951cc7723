/** Sections 5.4 and 6.5: following, leaving and publishing by oneself, while connected. */
import { describe, expect, test } from "vitest";
import { openWebSocket } from "../client/websocket.ts";
import { fresh, numbers, type Server, type User } from "../server.ts";

export function following(server: Server): void {
  async function openTopic(): Promise<string> {
    const topic = await server.topic();
    const body = { subscribe: "open", publish: "subscribers" };
    expect((await server.ask("PATCH", `/v1/topics/${topic}`, { body })).status).toBe(200);
    return topic;
  }

  test("by frames: the frame comes before the reply, and what the reply promises holds", async () => {
    const user = await server.user();
    const topic = await openTopic();
    const stream = `topic:${topic}`;
    await server.store(stream, numbers(2));
    using session = openWebSocket(server.url, user);
    await session.next("caught-up");
    for (const round of numbers(3)) {
      const last = 2 + 2 * (round - 1);
      expect((await session.ask({ type: "subscribe", topic })).ok).toBe(true);
      const told = session.all.findLastIndex(({ type }) => type === "subscribe");
      expect(session.all[told]).toEqual({ type: "subscribe", stream, seq: last });
      expect(told).toBeLessThan(session.all.findLastIndex(({ type }) => type === "reply"));
      await server.store(stream, [round]);
      expect(await session.notifications(1)).toMatchObject([{ stream, seq: last + 1, prev: last }]);
      expect((await session.ask({ type: "unsubscribe", topic })).ok).toBe(true);
      const heard = session.all.length;
      expect(session.all.some(({ type }) => type === "unsubscribe")).toBe(true);
      await server.store(stream, ["not heard"]);
      await server.store(user.stream, [round]);
      expect(await session.notifications(1)).toMatchObject([{ stream: user.stream }]);
      expect(session.all.slice(heard)).not.toContainEqual(expect.objectContaining({ stream }));
    }
  });

  test("while somebody publishes all the time, nothing follows the reply, and nothing is missing behind it", async () => {
    const user = await server.user();
    const topic = await openTopic();
    const stream = `topic:${topic}`;
    using session = openWebSocket(server.url, user);
    await session.next("caught-up");
    let publishing = true;
    const published = (async () => {
      for (let at = 0; publishing; at++) await server.store(stream, [at]);
    })();
    try {
      for (const _ of numbers(5)) {
        await session.ask({ type: "subscribe", topic });
        const since = session.all
          .flatMap((frame) => (frame.type === "subscribe" ? [frame.seq!] : []))
          .at(-1)!;
        await session.notifications(2);
        await session.ask({ type: "unsubscribe", topic });
        const heard = session.all.length;
        const shown = session.all.flatMap((frame) =>
          frame.type === "notification" && frame.stream === stream && frame.seq! > since ? [frame.seq!] : [],
        );
        expect(shown).toEqual(shown.map((_, at) => since + 1 + at));
        await server.store(user.stream, ["after"]);
        for (;;) {
          const [frame] = await session.notifications(1);
          if (frame!.stream === user.stream) break;
        }
        expect(session.all.slice(heard)).not.toContainEqual(expect.objectContaining({ stream }));
      }
    } finally {
      publishing = false;
      await published;
    }
  });

  test("by frames and by requests it is the same, and all of the user's sessions learn of it", async () => {
    const user = await server.user();
    const topic = await openTopic();
    const stream = `topic:${topic}`;
    using asking = openWebSocket(server.url, user);
    using other = server.open("sse", user);
    for (const session of [asking, other]) await session.next("caught-up");
    await asking.ask({ type: "subscribe", topic });
    expect(await other.next("subscribe")).toMatchObject({ stream });
    const path = `/v1/subscriptions/${topic}`;
    expect((await server.ask("DELETE", path, { credential: user.token })).status).toBe(204);
    for (const session of [asking, other]) await session.next("unsubscribe");
    expect(await asking.ask({ type: "unsubscribe", topic })).toMatchObject({
      ok: false,
      error: { code: "subscriber-not-found" },
    });
    expect((await server.ask("PUT", path, { credential: user.token })).status).toBe(204);
    expect(await other.next("subscribe")).toMatchObject({ stream });
  });

  test("sent over the socket it is durable, the user's own, and the same again changes nothing", async () => {
    const [user, fan] = [await server.user(), await server.user()];
    const topic = await openTopic();
    await server.subscribe(topic, fan);
    using session = openWebSocket(server.url, user);
    using listening = server.open("websocket", fan);
    await session.ask({ type: "subscribe", topic });
    const notification = { id: fresh("n"), type: "said", data: { text: "x" } };
    const sent = await session.ask({ type: "send", topic, notification });
    const from = { id: notification.id, source: `/users/${user.id}` };
    expect(sent).toMatchObject({
      ok: true,
      ...from,
      receipts: [{ to: `topic:${topic}`, status: await server.says("stored") }],
    });
    for (const one of [listening, session]) {
      expect(await one.notifications(1)).toMatchObject([{ event: { ...from, type: "said" } }]);
    }
    const again = await session.ask({ type: "send", topic, notification });
    expect(again).toMatchObject({ ok: true, receipts: [{ status: await server.says("duplicate") }] });
    const members = { ...notification, id: fresh("n"), to: [fan.stream, `user:${fresh()}`] };
    expect(await session.ask({ type: "send", topic, notification: members })).toMatchObject({
      ok: false,
      error: { code: "subscriber-not-found" },
      receipts: [{ to: fan.stream }, { status: "refused" }],
    });
    expect(await listening.notifications(1)).toMatchObject([{ stream: fan.stream, event: { topic } }]);
  });

  describe("is refused by a reply, and the session goes on", () => {
    test.each([
      ["a topic that isn't there", "subscribe", {}, "topic-not-found"],
      ["leaving what isn't followed", "unsubscribe", {}, "subscriber-not-found"],
      ["sending to what isn't there", "send", { notification: { type: "t" } }, "topic-not-found"],
      ["sending what isn't a notification", "send", { notification: { to: 1 } }, "body-invalid"],
    ])("%s", async (_, type, more, code) => {
      using session = openWebSocket(server.url, await server.user());
      const reply = await session.ask({ type, topic: fresh("topic"), ...more });
      expect(reply).toMatchObject({ ok: false, error: { code } });
      expect((await session.ask({ type: "ping" })).ok).toBe(true);
    });

    test("sending as somebody else", async () => {
      const [user, other]: User[] = [await server.user(), await server.user()];
      const topic = await openTopic();
      using session = openWebSocket(server.url, user!);
      await session.ask({ type: "subscribe", topic });
      const notification = { type: "t", source: `/users/${other!.id}` };
      const reply = await session.ask({ type: "send", topic, notification });
      expect(reply).toMatchObject({ ok: false, error: { code: "source-forbidden" } });
    });
  });
}
