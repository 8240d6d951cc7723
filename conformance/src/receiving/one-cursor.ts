/** Sections 6 and 7: one cursor on all transports, in the middle of a stream. */
import { describe, expect, test } from "vitest";
import { makeCursor } from "../client/cursor.ts";
import { makePlaces } from "../client/places.ts";
import { transports } from "../client/session.ts";
import { numbers, type Server } from "../server.ts";

const orders = transports.flatMap((first) =>
  transports.filter((then) => then !== first).map((then) => ({ first, then })),
);

export function oneCursor(server: Server): void {
  test.each(orders)(
    "invariant 6: from $first to $then in the middle of a stream",
    async ({ first, then }) => {
      const user = await server.user();
      const topic = await server.topic(user);
      await server.store(user.stream, numbers(60));
      await server.store(`topic:${topic}`, numbers(60));
      const places = makePlaces();
      let cursor: string;
      {
        using session = server.open(first, { ...user, places });
        await session.notifications(45);
        // All that came is shown, so the newest cursor that came with it is the one to keep.
        cursor = session.cursor()!;
      }
      await server.store(user.stream, numbers(20, 61));
      using session = server.open(then, { ...user, cursor, places });
      await shown(server, session, user.stream, 80, places);
      await shown(server, session, `topic:${topic}`, 60, places);
    },
  );

  test("invariant 6: through all transports, again and again, while others send", async () => {
    const user = await server.user();
    const topics = [await server.topic(user), await server.topic(user)];
    const streams = [user.stream, ...topics.map((topic) => `topic:${topic}`)];
    const each = 200;
    const sending = Promise.all(
      streams.map(async (stream) => {
        for (let at = 1; at <= each; at += 5) await server.store(stream, numbers(5, at));
      }),
    );
    const places = makePlaces();
    const total = () => streams.reduce((sum, stream) => sum + places.shown(stream).length, 0);
    let cursor: string | undefined;
    for (let turn = 0; total() < each * streams.length; turn++) {
      const transport = transports[turn % transports.length]!;
      using session = server.open(transport, {
        ...user,
        places,
        ...(cursor === undefined ? {} : { cursor }),
      });
      const some = Math.min(7 + ((turn * 11) % 30), each * streams.length - total());
      await session.notifications(some);
      cursor = session.cursor() ?? cursor;
    }
    await sending;
    for (const stream of streams) {
      expect(places.shown(stream).map(({ event }) => event["data"])).toEqual(numbers(each));
    }
  });

  describe.each(transports)("over %s", (transport) => {
    test("a cursor that a client made of what it has shown is as good", async () => {
      const user = await server.user();
      const topic = await server.topic(user);
      await server.store(user.stream, numbers(10));
      await server.store(`topic:${topic}`, numbers(10));
      using websocket = server.open("websocket", user);
      const { epoch } = await websocket.next("hello");
      const cursor = makeCursor([
        { stream: user.stream, epoch, seq: 7 },
        { stream: `topic:${topic}`, epoch, seq: 4 },
        { stream: "topic:somebody-elses", epoch, seq: 1 },
      ]);
      using session = server.open(transport, { ...user, cursor });
      await session.notifications(9);
      const seqs = (stream: string) => session.places.shown(stream).map(({ seq, prev }) => [prev, seq]);
      expect(seqs(user.stream)).toEqual([
        [7, 8],
        [8, 9],
        [9, 10],
      ]);
      expect(seqs(`topic:${topic}`)[0]).toEqual([4, 5]);
    });

    test("a cursor is no capability: it opens nobody's stream", async () => {
      const [mine, theirs] = [await server.user(), await server.user()];
      await server.store(theirs.stream, numbers(5));
      using their = server.open("websocket", theirs);
      const { cursor, epoch } = await their.next("hello");
      const forged = makeCursor([{ stream: theirs.stream, epoch, seq: 1 }]);
      for (const given of [cursor, forged]) {
        using session = server.open(transport, { ...mine, cursor: given });
        await server.store(mine.stream, ["mine"]);
        const [frame] = await session.notifications(1);
        expect(frame?.stream).toBe(mine.stream);
      }
    });
  });
}

type Places = ReturnType<typeof makePlaces>;

async function shown(
  _server: Server,
  session: { notifications(count: number): Promise<unknown> },
  stream: string,
  count: number,
  places: Places,
): Promise<void> {
  while (places.shown(stream).length < count) await session.notifications(1);
  expect(places.shown(stream).map(({ event }) => event["data"])).toEqual(numbers(count));
}
