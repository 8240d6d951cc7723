/** Sections 6.1 to 6.3 of the specification: what was missed comes first, in order; then what is new. */
import type { NotificationFrame } from "@carillon/protocol/frames";
import { describe, expect, test } from "vitest";
import { transports } from "../client/session.ts";
import { openSse } from "../client/sse.ts";
import { openWebSocket } from "../client/websocket.ts";
import { numbers, type Server } from "../server.ts";

const dataOf = ({ event }: NotificationFrame): unknown => event["data"];

export function missedFirst(server: Server): void {
  describe.each(transports)("over %s", (transport) => {
    test("invariant 4: what was missed comes in order, then what is new, without a gap or a repeat", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(150));
      using session = server.open(transport, user);
      const missed = await session.notifications(150);
      await server.store(user.stream, numbers(150, 151));
      const all = [...missed, ...(await session.notifications(150))];
      expect(all.map(dataOf)).toEqual(numbers(300));
      expect(all.map(({ seq }) => seq)).toEqual(numbers(300));
      expect(all.map(({ prev }) => prev)).toEqual(numbers(300, 0));
      expect(session.places.repeats()).toBe(0);
    });

    test("invariant 3: the seam holds while others send", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(100));
      const sending = (async () => {
        for (let at = 101; at < 301; at += 10) await server.store(user.stream, numbers(10, at));
      })();
      using session = server.open(transport, user);
      const all = await session.notifications(300);
      await sending;
      expect(all.map(dataOf)).toEqual(numbers(300));
    });

    test("an event is the CloudEvent that was sent, with what a client acts on", async () => {
      const user = await server.user();
      const time = "2026-01-31T09:30:00.5Z";
      const sent = {
        id: "an id, with ünicode / slashes",
        source: "/conformance?a=b#c",
        type: "order.shipped",
        subject: "order 17",
        time,
        dataschema: "https://example.com/schema",
        data: { title: "On its way", nested: [1, 2.5, null, { deep: true }], text: "ünï ☃ 🎉" },
        trackingno: "abc",
        priority: 7,
        urgent: true,
      };
      await server.send({ ...sent, to: user.stream, silent: true, receipt: true, collapseKey: "order-17" });
      using session = server.open(transport, user);
      const [frame] = await session.notifications(1);
      expect(frame?.event).toMatchObject({
        ...sent,
        time: expect.toSatisfy((value: string) => Date.parse(value) === Date.parse(time)),
        specversion: "1.0",
        silent: true,
        receipt: true,
        collapsekey: "order-17",
      });
      expect(frame?.event).not.toHaveProperty("to");
    });

    test("streams of topics come too, each in its own order", async () => {
      const user = await server.user();
      const topics = [await server.topic(user), await server.topic(user)];
      const streams = [user.stream, ...topics.map((topic) => `topic:${topic}`)];
      for (const stream of streams) await server.store(stream, numbers(40));
      using session = server.open(transport, user);
      await session.notifications(120);
      for (const stream of streams) await server.store(stream, numbers(10, 41));
      await session.notifications(30);
      for (const stream of streams) expect(session.places.shown(stream).map(dataOf)).toEqual(numbers(50));
    });

    test("nothing of others comes", async () => {
      const [mine, theirs] = [await server.user(), await server.user()];
      const topic = await server.topic(theirs);
      using session = server.open(transport, mine);
      await server.store(theirs.stream, [1]);
      await server.store(`topic:${topic}`, [1]);
      await server.store(mine.stream, ["mine"]);
      const [frame] = await session.notifications(1);
      expect(frame).toMatchObject({ stream: mine.stream, seq: 1, event: { data: "mine" } });
    });
  });

  describe.each(["websocket", "sse"] as const)("over %s", (transport) => {
    test("hello is first, caught-up comes once, between what was missed and what is new", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(3));
      using session =
        transport === "sse"
          ? openSse(server.url, user)
          : openWebSocket(server.url, { ...user, says: "header" });
      const hello = await session.next("hello");
      expect(hello).toMatchObject({ user: user.id, epoch: expect.any(Number) });
      await session.next("caught-up");
      await server.store(user.stream, [4]);
      await session.notifications(4);
      const types = session.all.map(({ type }) => type).filter((type) => type !== "ping");
      expect(types).toEqual([
        "hello",
        "notification",
        "notification",
        "notification",
        "caught-up",
        "notification",
      ]);
    });

    test("the cursors of hello and caught-up stand before and after what was missed", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(3));
      using session = server.open(transport, user);
      const { cursor: before } = await session.next("hello");
      const { cursor: after } = await session.next("caught-up");
      await server.store(user.stream, [4]);
      using again = server.open(transport, { ...user, cursor: before });
      expect((await again.notifications(4)).map(dataOf)).toEqual(numbers(4));
      using later = server.open(transport, { ...user, cursor: after });
      expect((await later.notifications(1)).map(dataOf)).toEqual([4]);
    });

    test("with nothing missed, caught-up comes at once", async () => {
      using session = server.open(transport, await server.user());
      await session.next("caught-up");
      expect(session.all.slice(0, 2).map(({ type }) => type)).toEqual(["hello", "caught-up"]);
    });
  });
}
