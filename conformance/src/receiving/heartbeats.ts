/** Sections 6.8 and 8: heartbeats, and how many sessions a user may have. */
import { describe, expect, test } from "vitest";
import { pollOnce } from "../client/poll.ts";
import { openWebSocket } from "../client/websocket.ts";
import { numbers, type Server } from "../server.ts";

/** The wheel of a busy machine turns late; what is promised is told by a client's patience, twice the interval. */
const patience = 2;
const timeout = { timeout: 300_000 };

export function heartbeats(server: Server): void {
  test.each(["websocket", "sse"] as const)(
    "something is said over %s every heartbeat",
    timeout,
    async (transport) => {
      using session = server.open(transport, await server.user());
      const { heartbeatMs } = await session.next("hello");
      await session.next("caught-up");
      await session.next("ping", heartbeatMs * patience);
      await session.next("ping", heartbeatMs * patience);
    },
  );

  test("a client that answers with pongs alone stays for longer than two heartbeats", timeout, async () => {
    const user = await server.user();
    using session = openWebSocket(server.url, user);
    const { heartbeatMs } = await session.next("hello");
    for (const _ of numbers(3)) await session.next("ping", heartbeatMs * patience);
    await server.store(user.stream, ["still here"]);
    await session.notifications(1);
  });
}

/** More than any server is expected to allow one user. */
const tooMany = 400;
/** So many refusals in a row, and every process behind the address is full. */
const refusalsMost = 10;

export function sessionsPerUser(server: Server): void {
  describe("a user with as many sessions as are allowed", () => {
    test("is told so on each transport, and has room again when one ends", async () => {
      const user = await server.user();
      const open = [];
      for (let refusals = 0; refusals < refusalsMost; ) {
        expect(open.length).toBeLessThan(tooMany);
        const session = openWebSocket(server.url, user);
        const hello = session.next("hello").then(() => true);
        const ended = session.ended().then(
          ({ code }) => {
            expect(code).toBe(3507);
            return false;
          },
          () => true,
        );
        const isOpen = await Promise.race([hello.catch(() => ended), ended]);
        refusals = isOpen ? 0 : refusals + 1;
        if (isOpen) open.push(session);
      }
      const refused = { status: 429, body: { code: "too-many-sessions" } };
      expect(await server.ask("GET", "/v1/events", { credential: user.token })).toMatchObject(refused);
      expect(await pollOnce(server.url, user, 0)).toMatchObject(refused);

      open.pop()![Symbol.dispose]();
      for (;;) {
        using session = openWebSocket(server.url, user);
        if ((await Promise.race([session.next("hello"), session.ended()]).catch(() => null)) !== null) {
          if (session.all.length > 0) break;
        }
      }
      for (const session of open) session[Symbol.dispose]();
    });
  });
}
