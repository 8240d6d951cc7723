/** Section 6.4: what won't be sent is said, never left out in silence. */
import type { GapFrame, NotificationFrame } from "@carillon/protocol/frames";
import { describe, expect, test } from "vitest";
import { makeCursor } from "../client/cursor.ts";
import { type Session, transports } from "../client/session.ts";
import { numbers, type Server, type User } from "../server.ts";

const replayed = 1_000;
const missed = replayed + 107;

export function gaps(server: Server): void {
  async function epochOf(user: User): Promise<number> {
    using session = server.open("websocket", user);
    return (await session.next("hello")).epoch;
  }

  /** What came before the first notification, which is taken too. */
  async function start(session: Session): Promise<{ gap: GapFrame; first: NotificationFrame }> {
    const [first] = await session.notifications(1);
    const gap = await session.next("gap");
    const types = session.all.map(({ type }) => type);
    expect(types.indexOf("gap")).toBeLessThan(types.indexOf("notification"));
    return { gap, first: first! };
  }

  describe.each(transports)("over %s", (transport) => {
    test("invariant 3: more was missed than is replayed: a gap up to the newest 1,000, and all of those", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(missed));
      using session = server.open(transport, user);
      const { gap, first } = await start(session);
      const to = missed - replayed;
      expect(gap).toMatchObject({ stream: user.stream, reason: "skipped", from: 1, to });
      expect(first).toMatchObject({ seq: to + 1, prev: to });
      const rest = await session.notifications(replayed - 1);
      expect([first, ...rest].map(({ event }) => event["data"])).toEqual(numbers(replayed, to + 1));
    });

    test("the gap begins behind the place that the cursor names", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(missed));
      const cursor = makeCursor([{ stream: user.stream, epoch: await epochOf(user), seq: 5 }]);
      using session = server.open(transport, { ...user, cursor });
      const { gap } = await start(session);
      expect(gap).toMatchObject({ reason: "skipped", from: 6, to: missed - replayed });
    });

    test.each([
      ["rewound", "a place ahead of the stream", { epochs: 0, seq: 1_000 }],
      ["epoch", "a place of another epoch", { epochs: 1, seq: 2 }],
    ] as const)("%s: %s", async (reason, _, { epochs, seq }) => {
      const user = await server.user();
      await server.store(user.stream, numbers(4));
      const epoch = (await epochOf(user)) + epochs;
      using session = server.open(transport, {
        ...user,
        cursor: makeCursor([{ stream: user.stream, epoch, seq }]),
      });
      const told = session.next("gap");
      const { to, ...gap } = await told;
      expect(gap).toMatchObject({ stream: user.stream, reason, from: 0 });
      expect(to).toBeLessThanOrEqual(4);
      // From the place that it was told, the client misses nothing.
      await server.store(user.stream, [5]);
      const frames = await session.notifications(5 - to);
      expect(frames.map((frame) => frame.seq)).toEqual(numbers(5 - to, to + 1));
      expect(frames[0]?.prev).toBe(to);
    });
  });
}
