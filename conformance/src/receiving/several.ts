/** Sections 6 and 6.6: several tabs and devices of one user. */
import { describe, expect, test } from "vitest";
import { eventually } from "../client/deadline.ts";
import { pollOnce } from "../client/poll.ts";
import { transports } from "../client/session.ts";
import { openWebSocket } from "../client/websocket.ts";
import { numbers, type Server, type User } from "../server.ts";

export function several(server: Server): void {
  test("every session of a user gets everything, each in its own order", async () => {
    const user = await server.user();
    const topic = await server.topic(user);
    const tabs = transports.flatMap((transport) => numbers(3).map(() => server.open(transport, user)));
    for (let at = 1; at <= 30; at += 5) {
      await server.store(user.stream, numbers(5, at));
      await server.store(`topic:${topic}`, numbers(5, at));
    }
    for (const tab of tabs) {
      await tab.notifications(60);
      for (const stream of [user.stream, `topic:${topic}`]) {
        expect(tab.places.shown(stream).map(({ event }) => event["data"])).toEqual(numbers(30));
      }
      tab[Symbol.dispose]();
    }
  });

  test("a topic reaches all that follow it, whatever they are connected by", async () => {
    const users = await Promise.all(numbers(9).map(() => server.user()));
    const topic = await server.topic(...users);
    const sessions = users.map((user, at) => server.open(transports[at % 3]!, user));
    await server.store(`topic:${topic}`, numbers(20));
    for (const session of sessions) {
      expect((await session.notifications(20)).map(({ seq }) => seq)).toEqual(numbers(20));
      session[Symbol.dispose]();
    }
  });

  describe("a named device, which keeps no cursor", () => {
    /** Where a new session of the device starts. */
    async function startOf(user: User, device: string): Promise<number> {
      const { body } = await pollOnce(server.url, { ...user, device }, 0);
      const [first] = body.frames;
      return first?.type === "notification" ? first.prev! : Number.POSITIVE_INFINITY;
    }

    test("starts behind what it acknowledged, and other devices where they stand", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(5));
      {
        using session = openWebSocket(server.url, { ...user, device: "phone" });
        await session.notifications(5);
        expect(await session.ask({ type: "ack", stream: user.stream, seq: 3 })).toMatchObject({ ok: true });
      }
      await eventually("it starts at 3", async () => ((await startOf(user, "phone")) === 3 ? true : null));
      expect(await startOf(user, "tablet")).toBe(0);
    });

    test("acknowledges over a request as well", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(5));
      const acked = await server.ask("POST", "/v1/ack", {
        credential: user.token,
        body: { stream: user.stream, seq: 2, device: "radio" },
      });
      expect(acked.status).toBe(204);
      await eventually("it starts at 2", async () => ((await startOf(user, "radio")) === 2 ? true : null));
    });

    test("a cursor wins over what the device acknowledged", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(5));
      const { body } = await pollOnce(server.url, user, 0);
      const answer = await pollOnce(server.url, { ...user, device: "phone", cursor: body.cursor }, 0);
      expect(answer.body.frames).toEqual([]);
    });
  });
}
