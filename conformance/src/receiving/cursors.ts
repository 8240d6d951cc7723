/** Section 7: cursors that are none, and where they are said. */
import { describe, expect, test } from "vitest";
import { makeCursor } from "../client/cursor.ts";
import { pollOnce } from "../client/poll.ts";
import { openSse } from "../client/sse.ts";
import { openWebSocket } from "../client/websocket.ts";
import { numbers, type Server, type User } from "../server.ts";

const good = makeCursor([{ stream: "user:42", epoch: 1, seq: 7 }]);
const flipped = Buffer.from(good, "base64url").map((byte, at) => (at === 9 ? byte ^ 1 : byte));
const ofVersion2 = Buffer.from(good, "base64url").map((byte, at) => (at === 0 ? 2 : byte));

const damaged = [
  ["cut", good.slice(0, -3)],
  ["with a bit flipped", Buffer.from(flipped).toString("base64url")],
  ["of another version", Buffer.from(ofVersion2).toString("base64url")],
  ["with something behind it", `${good}AAAA`],
  ["of other characters", "a cursor!"],
  ["endless", good.repeat(600).slice(0, 5_151)],
] as const;

export function cursors(server: Server): void {
  const refused = { status: 400, body: { code: "cursor-invalid" } };
  let user: Promise<User> | undefined;
  const anybody = () => {
    user ??= server.user();
    return user;
  };

  describe.each(damaged)("a cursor %s is refused, never read as from the start", (_, cursor) => {
    test("over WebSocket", async () => {
      using session = openWebSocket(server.url, { ...(await anybody()), cursor });
      expect(await session.ended()).toMatchObject({ code: 3506 });
      expect(session.all).toEqual([]);
    });

    test("over SSE, as a parameter and as Last-Event-ID", async () => {
      const { token: credential } = await anybody();
      const query = new URLSearchParams({ cursor });
      expect(await server.ask("GET", `/v1/events?${query}`, { credential })).toMatchObject(refused);
      const headers = { "last-event-id": cursor };
      expect(await server.ask("GET", "/v1/events", { credential, headers })).toMatchObject(refused);
    });

    test("over long polling", async () => {
      expect(await pollOnce(server.url, { ...(await anybody()), cursor }, 0)).toMatchObject(refused);
    });
  });

  test("Last-Event-ID wins over the parameter", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(5));
    const { epoch } = await (async () => {
      using session = server.open("websocket", user);
      return await session.next("hello");
    })();
    const cursorAt = (seq: number) => makeCursor([{ stream: user.stream, epoch, seq }]);
    using session = openSse(server.url, { ...user, cursor: cursorAt(1), lastEventId: cursorAt(4) });
    expect(await session.notifications(1)).toMatchObject([{ seq: 5, prev: 4 }]);
  });

  test("a stream that the cursor doesn't name starts where one without a cursor would", async () => {
    const user = await server.user();
    const topic = await server.topic(user);
    await server.store(`topic:${topic}`, numbers(3));
    await server.store(user.stream, numbers(3));
    using session = server.open("websocket", { ...user, cursor: makeCursor([]) });
    await session.notifications(6);
    for (const stream of [user.stream, `topic:${topic}`]) {
      expect(session.places.shown(stream).map(({ event }) => event["data"])).toEqual(numbers(3));
    }
  });
}
