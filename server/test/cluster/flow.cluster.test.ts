// What a person does with Carillon, on every combination, across the processes that it has.
import { describe, expect, test } from "vitest";
import { eventually } from "../../../conformance/src/client/deadline.ts";
import { openSession } from "../../../conformance/src/client/open.ts";
import { transports } from "../../../conformance/src/client/session.ts";
import { openWebSocket } from "../../../conformance/src/client/websocket.ts";
import { fresh, makeServer, numbers, source } from "../../../conformance/src/server.ts";
import { combinations } from "./combinations.ts";
import { expectNothingWrong, startLoad } from "./load.ts";
import { stageFor } from "./stage.ts";

describe.each(combinations)("$name", (combination) => {
  const stage = stageFor(combination);
  const server = makeServer(() => ({ url: stage().balancer.url, key: stage().deployment.apiKey }));
  /** The distributors, the first and the last of which are two where there are two. */
  const here = (): string => stage().deployment.urls("distributor")[0]!;
  const there = (): string => stage().deployment.urls("distributor").at(-1)!;

  test.each(transports)("sent at any receiver, received over %s at every distributor", async (transport) => {
    const user = await server.user();
    await server.store(user.stream, numbers(20));
    for (const url of stage().deployment.urls("distributor")) {
      using session = openSession(transport, url, user);
      const missed = await session.notifications(20);
      expect(missed.map(({ event }) => event["data"])).toEqual(numbers(20));
      await server.store(user.stream, [transport]);
      const [live] = await session.notifications(1);
      expect(live?.event["data"]).toBe(transport);
    }
  });

  test.each(transports)(
    "invariant 6: a cursor over %s goes on in the middle, elsewhere",
    async (transport) => {
      const user = await server.user();
      const topic = await server.topic(user);
      await server.store(user.stream, numbers(60));
      await server.store(`topic:${topic}`, numbers(60));
      const first = openSession(transport, here(), user);
      await first.notifications(30);
      // Cut without a word: what the client has is what its cursor says.
      let cursor = await eventually("a cursor", async () => first.cursor());
      first[Symbol.dispose]();
      let sent = 60;
      for (const other of [...transports, transport]) {
        using session = openSession(other, there(), { ...user, cursor, places: first.places });
        await server.store(user.stream, [++sent]);
        await eventually("it has all", async () =>
          first.places.shown(user.stream).at(-1)?.seq === sent ? true : null,
        );
        cursor = session.cursor() ?? cursor;
      }
      const shown = (stream: string) => first.places.shown(stream).map(({ seq }) => seq);
      expect(shown(user.stream)).toEqual(numbers(64));
      await eventually("the topic too", async () => (shown(`topic:${topic}`).length === 60 ? true : null));
      expect(shown(`topic:${topic}`)).toEqual(numbers(60));
    },
  );

  test("topics: one notification, stored once, for all who follow, wherever they are connected", async () => {
    const users = await Promise.all(numbers(4).map(() => server.user()));
    const topic = await server.topic(...users);
    const sessions = users.map((user, at) => openSession("websocket", at % 2 === 0 ? here() : there(), user));
    for (const session of sessions) await session.next("caught-up");
    await server.store(`topic:${topic}`, numbers(30));
    for (const session of sessions) {
      expect((await session.notifications(30)).map(({ seq }) => seq)).toEqual(numbers(30));
      session[Symbol.dispose]();
    }
  });

  test("subscribed and unsubscribed at a receiver, told to sessions at each distributor", async () => {
    const user = await server.user();
    const topic = await server.topic();
    const stream = `topic:${topic}`;
    const sessions = [here(), there()].map((url) => openSession("websocket", url, user));
    for (const session of sessions) await session.next("caught-up");
    await server.store(stream, numbers(2));
    await server.subscribe(topic, user);
    for (const session of sessions) {
      expect(await session.next("subscribe")).toMatchObject({ stream, seq: 2 });
    }
    await server.store(stream, [3]);
    for (const session of sessions) expect(await session.notifications(1)).toMatchObject([{ seq: 3 }]);
    await server.unsubscribe(topic, user);
    for (const session of sessions) await session.next("unsubscribe");
    await server.store(stream, [4]);
    await server.store(user.stream, ["after"]);
    for (const session of sessions) {
      expect(await session.notifications(1)).toMatchObject([{ stream: user.stream }]);
      session[Symbol.dispose]();
    }
  });

  test("invariant 7: what is read at one distributor is read at all", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(5));
    using session = openWebSocket(here(), user);
    using other = openWebSocket(there(), user);
    for (const each of [session, other]) {
      expect((await each.next("hello")).unread).toMatchObject({ total: 5 });
      await each.next("caught-up");
    }
    expect(await session.ask({ type: "read", stream: user.stream, upTo: 3 })).toMatchObject({ ok: true });
    expect(await other.next("read")).toMatchObject({ stream: user.stream, upTo: 3 });
    expect(await other.next("unread")).toMatchObject({ total: 2 });
    const { body } = await server.ask("GET", "/v1/unread", { credential: user.token });
    expect(body).toMatchObject({ total: 2 });
  });

  test("taken back: its place is empty for everybody, its name is taken", async () => {
    const user = await server.user();
    const id = fresh("n");
    await server.store(user.stream, ["kept"]);
    await server.store(user.stream, ["wrong"], { id });
    expect((await server.takeBack(id, user.stream)).status).toBe(204);
    await server.store(user.stream, ["right"]);
    for (const url of [here(), there()]) {
      using session = openSession("sse", url, user);
      const frames = await session.notifications(2);
      expect(frames.map(({ prev, seq }) => [prev, seq])).toEqual([
        [0, 1],
        [1, 3],
      ]);
    }
    expect((await server.status(id, user.stream)).body).toMatchObject({ seq: 2, state: "gone" });
  });

  test("invariant 5: the same again changes nothing, other content never replaces it, at any receiver", async () => {
    const [user, other] = [await server.user(), await server.user()];
    const first = { to: user.stream, source, id: fresh("n"), type: "test", data: "first" };
    for (const data of ["first", "first", "second", "first"]) await server.send({ ...first, data });
    await server.send({ ...first, to: [user.stream, other.stream] });
    await server.store(user.stream, ["next"]);
    await server.store(other.stream, ["next"]);
    using session = openSession("poll", there(), user);
    const frames = await session.notifications(2);
    expect(frames.map(({ seq, event }) => [seq, event["data"]])).toEqual([
      [1, "first"],
      [2, "next"],
    ]);
    using second = openSession("poll", here(), other);
    expect((await second.notifications(2)).map(({ event }) => event["data"])).toEqual(["first", "next"]);
    expect((await server.status(first.id, user.stream)).body).toMatchObject({ seq: 1, state: "stored" });
  });

  test("a load from all receivers to all distributors: whole, once, in order", {
    timeout: 120_000,
  }, async () => {
    const load = await startLoad(stage().deployment, { seed: 1, paceMs: 20 });
    await load.promises(100);
    for (const client of load.clients) client.cut();
    await load.promises(100);
    expectNothingWrong(load, await load.finish());
  });
});
