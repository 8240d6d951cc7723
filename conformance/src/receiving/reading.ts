/** Section 6.7: what a user has read, archived and seen, and what not. */
import type { UnreadFrame } from "@carillon/protocol/frames";
import { describe, expect, test } from "vitest";
import { pollOnce } from "../client/poll.ts";
import { transports } from "../client/session.ts";
import { openWebSocket } from "../client/websocket.ts";
import { fresh, numbers, type Server, type User } from "../server.ts";

type Unread = Omit<UnreadFrame, "type">;

export function reading(server: Server): void {
  async function unreadOf(user: User): Promise<Unread> {
    const { status, body } = await server.ask("GET", "/v1/unread", { credential: user.token });
    expect(status).toBe(200);
    return body as Unread;
  }

  const mark = (kind: "read" | "archive" | "seen", user: User, body: object) =>
    server.ask("POST", `/v1/${kind}`, { credential: user.token, body });
  const read = (user: User, body: object) => mark("read", user, body);

  async function marked(kind: "read" | "archive" | "seen", user: User, body: object): Promise<object> {
    const { status, body: answer } = await mark(kind, user, body);
    expect(status, JSON.stringify(answer)).toBe(200);
    return answer as object;
  }

  test("invariant 7: counted by stream, what was read is not; hello and the request say the same", async () => {
    const user = await server.user();
    const topic = `topic:${await server.topic(user)}`;
    await server.store(user.stream, numbers(5));
    await server.store(topic, numbers(3));
    const before = await unreadOf(user);
    expect(before).toMatchObject({ total: 8, streams: { [user.stream]: 5, [topic]: 3 } });

    const answer = await read(user, { stream: user.stream, upTo: 2 });
    expect(answer).toMatchObject({ status: 200, body: { stream: user.stream, upTo: 2 } });
    expect((await read(user, { stream: topic, upTo: 3 })).status).toBe(200);
    const after = await unreadOf(user);
    expect(after).toMatchObject({ total: 3, streams: { [user.stream]: 3 } });
    expect(after.streams).not.toHaveProperty(topic);
    expect(after.rev).not.toBe(before.rev);
    using session = openWebSocket(server.url, user);
    expect((await session.next("hello")).unread).toEqual(after);
  });

  test("silent ones, taken back, collapsed and expired ones don't count", async () => {
    const user = await server.user();
    await server.store(user.stream, [1], { silent: true });
    await server.store(user.stream, [2], { expires: "2020-01-01T00:00:00Z" });
    await server.store(user.stream, [3], { collapseKey: "k" });
    await server.store(user.stream, [4], { collapseKey: "k" });
    const id = fresh("n");
    await server.store(user.stream, [5], { id });
    await server.takeBack(id, user.stream);
    await server.store(user.stream, [6]);
    expect(await unreadOf(user)).toMatchObject({ total: 2 });
  });

  test("what was there before a subscription doesn't count", async () => {
    const user = await server.user();
    const topic = await server.topic();
    await server.store(`topic:${topic}`, numbers(4));
    await server.subscribe(topic, user);
    await server.store(`topic:${topic}`, [5]);
    expect(await unreadOf(user)).toMatchObject({ total: 1, streams: { [`topic:${topic}`]: 1 } });
  });

  test("the larger wins for ever, and beyond the newest means the newest", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(5));
    const answers = [];
    for (const upTo of [3, 1, 1_000]) {
      answers.push((await read(user, { stream: user.stream, upTo })).body as { upTo: number });
    }
    expect(answers.map(({ upTo }) => upTo)).toEqual([3, 3, 5]);
    await server.store(user.stream, [6]);
    expect(await unreadOf(user)).toMatchObject({ total: 1 });
  });

  test("single ones, and unread again; up to a place takes in what was single", async () => {
    const user = await server.user();
    const { stream } = user;
    await server.store(stream, numbers(6));
    expect(await marked("read", user, { stream, seqs: [2, 5] })).toMatchObject({ upTo: 0, except: [2, 5] });
    expect(await unreadOf(user)).toMatchObject({ total: 4 });
    expect(await marked("read", user, { stream, upTo: 3 })).toMatchObject({ upTo: 3, except: [5] });
    const undone = await marked("read", user, { stream, seqs: [1, 5], undo: true });
    expect(undone).toMatchObject({ stream, upTo: 3, except: [1] });
    const { total, rev } = await unreadOf(user);
    expect({ total, rev }).toEqual({ total: 4, rev: (undone as { rev: number }).rev });
    expect(await marked("read", user, { stream, seqs: [4] })).toMatchObject({ upTo: 4, except: [1] });
    expect(await marked("read", user, { stream, upTo: 1 })).toMatchObject({ upTo: 4, except: [] });
    expect(await unreadOf(user)).toMatchObject({ total: 2 });
  });

  test("what isn't there, or was before, is passed over, and nothing that changes nothing raises the rev", async () => {
    const user = await server.user();
    const topic = await server.topic();
    const stream = `topic:${topic}`;
    await server.store(stream, numbers(2));
    await server.subscribe(topic, user);
    await server.store(stream, [3]);
    const { rev } = await unreadOf(user);
    const unchanged = { upTo: 0, except: [], rev };
    expect(await marked("read", user, { stream, seqs: [1, 2, 4, 1_000_000] })).toMatchObject(unchanged);
    expect(await marked("archive", user, { stream, seqs: [3], undo: true })).toMatchObject(unchanged);
    expect(await unreadOf(user)).toMatchObject({ total: 1, rev });
  });

  test("archived doesn't count, read or not, and back it counts again", async () => {
    const user = await server.user();
    const { stream } = user;
    await server.store(stream, numbers(5));
    await marked("read", user, { stream, seqs: [1] });
    expect(await marked("archive", user, { stream, upTo: 3 })).toMatchObject({ upTo: 3, except: [] });
    expect(await unreadOf(user)).toMatchObject({ total: 2 });
    expect(await marked("archive", user, { stream, seqs: [1, 2], undo: true })).toMatchObject({
      upTo: 3,
      except: [1, 2],
    });
    expect(await unreadOf(user)).toMatchObject({ total: 3 });
    using session = openWebSocket(server.url, user);
    await session.notifications(5);
  });

  test("all: every stream that is followed, and what comes then is new", async () => {
    const user = await server.user();
    const topic = `topic:${await server.topic(user)}`;
    await server.store(user.stream, numbers(3));
    await server.store(topic, numbers(2));
    const { rev } = (await marked("read", user, { all: true })) as { rev: number };
    expect(await unreadOf(user)).toMatchObject({ total: 0, streams: {}, rev });
    expect(await marked("read", user, { all: true })).toEqual({ rev });
    await server.store(topic, [3]);
    expect(await unreadOf(user)).toMatchObject({ total: 1, streams: { [topic]: 1 } });
  });

  test("seen: what came since is unseen, and unread again is not unseen again", async () => {
    const user = await server.user();
    const { stream } = user;
    await server.store(stream, numbers(3));
    await marked("read", user, { stream, upTo: 1 });
    expect(await unreadOf(user)).toMatchObject({ total: 2, unseen: { total: 2, streams: { [stream]: 2 } } });
    await marked("seen", user, { all: true });
    await marked("read", user, { stream, seqs: [1], undo: true });
    expect(await unreadOf(user)).toMatchObject({ total: 3, unseen: { total: 0, streams: {} } });
    await server.store(stream, [4]);
    expect(await unreadOf(user)).toMatchObject({ total: 4, unseen: { total: 1 } });
    expect(await marked("seen", user, { stream, upTo: 1_000 })).toMatchObject({ stream, upTo: 4 });
    expect(await marked("seen", user, { stream, upTo: 2 })).toMatchObject({ upTo: 4 });
    expect(await unreadOf(user)).toMatchObject({ total: 4, unseen: { total: 0 } });
  });

  test("256 single ones of a stream, and no more", async () => {
    const user = await server.user();
    const { stream } = user;
    await server.store(stream, numbers(520));
    const even = Array.from({ length: 256 }, (_, at) => 2 * at + 2);
    expect(await marked("read", user, { stream, seqs: even })).toMatchObject({ upTo: 0, except: even });
    expect(await read(user, { stream, seqs: [516] })).toMatchObject({
      status: 409,
      body: { code: "marks-too-many" },
    });
    expect(await unreadOf(user)).toMatchObject({ total: 264 });
    expect(await marked("read", user, { stream, upTo: 515 })).toMatchObject({ upTo: 515, except: [] });
    expect(await marked("read", user, { stream, seqs: [517] })).toMatchObject({ except: [517] });
  });

  test("over WebSocket: every form, told to the user's other session with the counts", async () => {
    const user = await server.user();
    const { stream } = user;
    await server.store(stream, numbers(4));
    using one = openWebSocket(server.url, user);
    using other = openWebSocket(server.url, user);
    for (const session of [one, other]) await session.next("caught-up");
    const say = async (frame: { type: "read" | "archive" | "seen" } & Record<string, unknown>) => {
      expect(await one.ask(frame)).toMatchObject({ ok: true });
      const told = frame.type === "seen" ? null : await other.next(frame.type);
      return { told, unread: await other.next("unread") };
    };
    expect(await say({ type: "read", stream, seqs: [3] })).toMatchObject({
      told: { stream, upTo: 0, except: [3] },
      unread: { total: 3, unseen: { total: 3 } },
    });
    expect(await say({ type: "archive", stream, seqs: [1, 2] })).toMatchObject({
      told: { stream, upTo: 2, except: [] },
      unread: { total: 1 },
    });
    expect(await say({ type: "seen", all: true })).toMatchObject({
      unread: { total: 1, unseen: { total: 0 } },
    });
    expect(await say({ type: "archive", stream, seqs: [2], undo: true })).toMatchObject({
      told: { stream, upTo: 1, except: [] },
      unread: { total: 2, unseen: { total: 0 } },
    });
    expect(await say({ type: "read", all: true })).toMatchObject({
      told: { stream, upTo: 4, except: [] },
      unread: { total: 0 },
    });
    expect((await unreadOf(user)).total).toBe(0);
  });

  test.each(transports)("the user's other sessions are told over %s", async (transport) => {
    const user = await server.user();
    await server.store(user.stream, numbers(5));
    using session = server.open(transport, user);
    await session.notifications(5);
    using reader = openWebSocket(server.url, user);
    await reader.next("caught-up");
    // A poll may be between two answers just then: what it misses, the next read tells.
    let upTo = 0;
    const told = session.next("read");
    let heard = false;
    void told.then(() => {
      heard = true;
    });
    while (!heard && upTo < 5) {
      upTo++;
      expect(await reader.ask({ type: "read", stream: user.stream, upTo })).toMatchObject({ ok: true });
      await reader.next("unread");
    }
    expect(await told).toMatchObject({ stream: user.stream });
    expect((await session.next("unread")).total).toBeLessThan(5);
  });

  test("invariant 7: a client counts on from its unread, and the next one says the same", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(3));
    using session = openWebSocket(server.url, user);
    const { unread } = await session.next("hello");
    await session.next("caught-up");
    await server.store(user.stream, [4]);
    await server.store(user.stream, [5], { silent: true });
    const fresh = (await session.notifications(5)).filter(({ seq, event }) => seq! > 3 && !event["silent"]);
    expect((await unreadOf(user)).total).toBe(unread.total + fresh.length);
  });

  test("a poll with another rev begins with unread, one with the same doesn't", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(2));
    const { body } = await pollOnce(server.url, user, 0);
    const { rev } = await unreadOf(user);
    const poll = (known: number) =>
      server.ask("GET", `/v1/poll?wait=0&cursor=${body.cursor}&rev=${known}`, { credential: user.token });
    expect((await poll(rev)).body).toMatchObject({ frames: [] });
    await read(user, { stream: user.stream, upTo: 1 });
    expect((await poll(rev)).body).toMatchObject({ frames: [{ type: "unread", total: 1 }] });
  });

  describe("refused", () => {
    test.each([
      ["a stream that isn't followed", { stream: `user:${fresh()}`, upTo: 1 }, 409, "not-followed"],
      ["a topic that isn't", { stream: `topic:${fresh()}`, upTo: 1 }, 409, "not-followed"],
      ["no place", { stream: "user:a" }, 400, "body-invalid"],
      ["a place that is none", { stream: "user:a", upTo: -1 }, 400, "body-invalid"],
      ["no stream", { upTo: 1 }, 400, "body-invalid"],
      ["a place and single ones", { stream: "user:a", upTo: 1, seqs: [1] }, 400, "body-invalid"],
      ["no single ones", { stream: "user:a", seqs: [] }, 400, "body-invalid"],
      ["more than 256 at once", { stream: "user:a", seqs: numbers(257) }, 400, "body-invalid"],
      ["all of one stream", { stream: "user:a", all: true }, 400, "body-invalid"],
      ["a place taken back", { stream: "user:a", upTo: 1, undo: true }, 400, "body-invalid"],
    ])("%s", async (_, body, status, code) => {
      expect(await read(await server.user(), body)).toMatchObject({ status, body: { code } });
    });

    test("over WebSocket", async () => {
      using session = openWebSocket(server.url, await server.user());
      const reply = await session.ask({ type: "read", stream: `user:${fresh()}`, upTo: 1 });
      expect(reply).toMatchObject({ ok: false, error: { code: "not-followed" } });
      session.say({ type: "read", stream: "nobody", upTo: 1 });
      expect(await session.ended()).toMatchObject({ code: 3503 });
    });

    test.each([
      { type: "read" },
      { type: "archive", stream: "user:a", seqs: numbers(257) },
      { type: "seen", stream: "user:a", seqs: [1] },
    ])("over WebSocket, as no frame: $type", async (frame) => {
      using session = openWebSocket(server.url, await server.user());
      await session.next("hello");
      session.say(frame);
      expect(await session.ended()).toMatchObject({ code: 3503 });
    });
  });
}
