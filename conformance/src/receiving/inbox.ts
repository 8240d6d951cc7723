/** Section 6.10: what a user sees, page by page, and live from there. */
import { type Inbox, InboxAnswer } from "@carillon/protocol/answers";
import Value from "typebox/value";
import { describe, expect, test } from "vitest";
import { transports } from "../client/session.ts";
import { fresh, numbers, type Server, type User } from "../server.ts";

const dataOf = (event: object): unknown => (event as { readonly data?: unknown }).data;

type Query = Readonly<Record<string, string | number | boolean>>;

export function inbox(server: Server): void {
  const get = (user: User, query: Query | string = {}) => {
    const asked = typeof query === "string" ? query : new URLSearchParams(query as Record<string, string>);
    return server.ask("GET", `/v1/inbox?${asked}`, { credential: user.token });
  };

  async function page(user: User, query: Query | string = {}): Promise<Inbox> {
    const { status, body } = await get(user, query);
    expect(status, JSON.stringify(body)).toBe(200);
    expect(Value.Errors(InboxAnswer, body)).toEqual([]);
    return body as Inbox;
  }

  /** Every page from the first on; something may be done between two of them. */
  async function pages(user: User, query: Query = {}, between = async () => {}): Promise<Inbox[]> {
    const all = [await page(user, query)];
    for (let { before } = all[0]!; before !== null; { before } = all.at(-1)!) {
      await between();
      all.push(await page(user, { ...query, before }));
    }
    return all;
  }

  const mark = async (kind: "read" | "archive", user: User, body: object) => {
    const { status } = await server.ask("POST", `/v1/${kind}`, { credential: user.token, body });
    expect(status).toBe(200);
  };

  const data = (some: readonly Inbox[]) =>
    some.flatMap(({ items }) => items.map(({ event }) => dataOf(event)));
  const backwards = (from: number, to = 1) => numbers(from - to + 1, to).reverse();

  test("the newest first, over the user's own stream and their topics, in pages that are never too long", async () => {
    const user = await server.user();
    const topic = `topic:${await server.topic(user)}`;
    for (const value of numbers(12)) await server.store(value % 3 === 0 ? topic : user.stream, [value]);
    const all = await pages(user, { limit: 5 });
    expect(data(all)).toEqual(backwards(12));
    expect(all.every(({ items }) => items.length <= 5)).toBe(true);
    expect(all[0]!.items[0]).toMatchObject({ stream: topic, seq: 4, read: false, archived: false });
    expect(all[0]!.unread).toMatchObject({ total: 12, cursor: all[0]!.cursor });
    const { body } = await server.ask("GET", "/v1/unread", { credential: user.token });
    expect(all[0]!.unread).toEqual(body);
  });

  test("what was there before a subscription, was taken back, replaced or has expired is not shown", async () => {
    const user = await server.user();
    const topic = await server.topic();
    await server.store(`topic:${topic}`, [1]);
    await server.subscribe(topic, user);
    await server.store(`topic:${topic}`, [2]);
    await server.store(user.stream, [3], { expires: "2020-01-01T00:00:00Z" });
    await server.store(user.stream, [4, 5], { collapseKey: "k" });
    const id = fresh("n");
    await server.store(user.stream, [6], { id });
    await server.takeBack(id, user.stream);
    expect(data(await pages(user))).toEqual([5, 2]);
    await server.unsubscribe(topic, user);
    expect(data(await pages(user))).toEqual([5]);
  });

  test("filters: unread, archived, silent, own, topic, type, source, since", async () => {
    const user = await server.user();
    const [topic, other] = [await server.topic(user), await server.topic(user)];
    await server.store(user.stream, [1]);
    await server.store(user.stream, [2], { type: "other", source: "/elsewhere" });
    await server.store(user.stream, [3], { silent: true });
    await server.store(`topic:${topic}`, [4]);
    await server.store(user.stream, [5], { topic });
    await server.store(`topic:${other}`, [6]);
    await mark("read", user, { stream: user.stream, seqs: [1] });
    await mark("archive", user, { stream: `topic:${other}`, upTo: 1 });
    const shown = async (query: Query | string) => data([await page(user, query)]);
    expect(await shown({})).toEqual([5, 4, 2, 1]);
    expect(await shown({ unread: true, silent: true })).toEqual([5, 4, 2]);
    expect(await shown({ archived: true })).toEqual([6]);
    expect(await shown({ archived: "any", silent: true })).toEqual([6, 5, 4, 3, 2, 1]);
    expect(await shown({ own: true })).toEqual([5, 2, 1]);
    expect(await shown({ topic })).toEqual([5, 4]);
    expect(await shown(`topic=${topic}&topic=${other}&archived=any`)).toEqual([6, 5, 4]);
    expect(await shown({ topic: fresh("topic") })).toEqual([]);
    expect(await shown({ type: "other" })).toEqual([2]);
    expect(await shown({ source: "/elsewhere" })).toEqual([2]);
    expect(await shown({ since: "2999-01-01T00:00:00Z" })).toEqual([]);
    expect(await shown({ since: "2020-01-01T00:00:00+02:00" })).toEqual([5, 4, 2, 1]);
  });

  test("an item says whether it is read and archived, by the marks with which unread is told", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(4));
    await mark("read", user, { stream: user.stream, upTo: 2 });
    await mark("archive", user, { stream: user.stream, seqs: [2, 4] });
    const { items, unread } = await page(user, { archived: "any" });
    expect(items.map(({ seq, read, archived }) => [seq, read, archived])).toEqual([
      [4, false, true],
      [3, false, false],
      [2, true, true],
      [1, true, false],
    ]);
    expect(unread).toMatchObject({ total: 1, streams: { [user.stream]: 1 } });
  });

  test("what comes between two pages is not on the later ones, nor is what is followed since", async () => {
    const user = await server.user();
    const topic = `topic:${await server.topic(user)}`;
    const later = await server.topic();
    for (const value of numbers(10)) await server.store(value % 2 ? topic : user.stream, [value]);
    let sent = 100;
    const all = await pages(user, { limit: 3 }, async () => {
      await server.store(topic, [++sent]);
      await server.store(user.stream, [++sent]);
      if (sent !== 104) return;
      await server.subscribe(later, user);
      await server.store(`topic:${later}`, [++sent]);
    });
    expect(data(all)).toEqual(backwards(10));
    expect(new Set(all.map(({ cursor }) => cursor)).size).toBe(1);
  });

  test("what is read meanwhile is passed over by those who want what is unread, and no other", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(9));
    let upTo = 0;
    const all = await pages(user, { limit: 2, unread: true }, () => {
      upTo += 2;
      return mark("read", user, { stream: user.stream, upTo });
    });
    expect(data(all)).toEqual([9, 8, 7, 6, 5]);
  });

  test("filters that match seldom make pages short, and only null is the end", async () => {
    const user = await server.user();
    await server.store(user.stream, [1]);
    await server.store(user.stream, numbers(1_200), { silent: true });
    const all = await pages(user, { limit: 10 });
    expect(all.length).toBeGreaterThan(1);
    expect(all.length).toBeLessThan(8);
    expect(data(all)).toEqual([1]);
  });

  test("a gap that was skipped can be paged, all of it", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(1_050), { silent: true });
    using session = server.open("sse", user);
    const gap = await session.next("gap");
    expect(gap).toMatchObject({ reason: "skipped", from: 1, to: 50 });
    const shown = data(await pages(user, { limit: 100, silent: true, archived: "any" }));
    expect(shown).toEqual(backwards(1_050));
  });

  describe("pages, then live: each once", () => {
    test.each(transports)("over %s, with others sending all the while", async (transport) => {
      const user = await server.user();
      const topic = `topic:${await server.topic(user)}`;
      const total = 120;
      await server.store(user.stream, numbers(20));
      await server.store(topic, numbers(20, 21));
      const sending = (async () => {
        for (let value = 41; value <= total; value += 4)
          await server.store(value % 8 === 1 ? user.stream : topic, numbers(4, value));
      })();
      const all = await pages(user, { limit: 4 });
      const shown = data(all);
      using session = server.open(transport, { ...user, cursor: all[0]!.cursor });
      const live = await session.notifications(total - shown.length);
      await sending;
      const seen = [...shown, ...live.map(({ event }) => event["data"])] as number[];
      expect(seen.sort((one, other) => one - other)).toEqual(numbers(total));
      expect(session.places.repeats()).toBe(0);
    });
  });

  test("one by its place, as a page would show it, archived and silent ones too, and no other", async () => {
    const [user, eve] = [await server.user(), await server.user()];
    const topic = await server.topic();
    await server.store(`topic:${topic}`, [1]);
    await server.subscribe(topic, user);
    await server.store(`topic:${topic}`, [2], { silent: true });
    const id = fresh("n");
    await server.store(user.stream, [3], { id });
    await server.store(user.stream, [4]);
    await server.takeBack(id, user.stream);
    await mark("archive", user, { stream: user.stream, upTo: 2 });
    const one = (who: User, place: string) =>
      server.ask("GET", `/v1/inbox/${place}`, { credential: who.token });
    const [first] = (await page(user, { archived: "any", own: true })).items;
    expect(await one(user, `${user.stream}/2`)).toMatchObject({ status: 200, body: first! });
    expect(first).toMatchObject({ archived: true, read: false, event: { data: 4 } });
    expect((await one(user, `topic:${topic}/2`)).status).toBe(200);
    const absent = { status: 404, body: { code: "notification-not-found" } };
    for (const place of [`${user.stream}/1`, `${user.stream}/3`, `topic:${topic}/1`, `topic:${topic}/9`])
      expect(await one(user, place), place).toMatchObject(absent);
    for (const place of [`${user.stream}/2`, `topic:${topic}/2`])
      expect(await one(eve, place), place).toMatchObject(absent);
    expect(await one(user, `${user.stream}/0`)).toMatchObject({ body: { code: "parameter-invalid" } });
  });

  test("another's place shows nothing of theirs", async () => {
    const [user, eve] = [await server.user(), await server.user()];
    const topic = `topic:${await server.topic(user, eve)}`;
    await server.store(user.stream, [1, 2]);
    await server.store(topic, [3]);
    await server.store(eve.stream, [4]);
    await server.store(user.stream, [5]);
    const { before } = await page(user, { limit: 1 });
    expect(data([await page(eve, { before: before! })])).toEqual([3]);
  });

  test("a place that is damaged, cut, or a cursor is refused, never taken for the start", async () => {
    const user = await server.user();
    await server.store(user.stream, numbers(3));
    const { before, cursor } = await page(user, { limit: 1 });
    const other = before!.endsWith("A") ? "B" : "A";
    for (const token of [
      "",
      "x",
      before!.slice(1),
      before!.slice(0, -1),
      `${before!.slice(0, -1)}${other}`,
      cursor,
    ])
      expect(await get(user, { before: token }), token).toMatchObject({
        status: 400,
        body: { code: "before-invalid" },
      });
  });

  test("what is asked for wrongly is told, and by whom it may be asked", async () => {
    const user = await server.user();
    for (const [query, parameter] of [
      ["limit=0", "limit"],
      ["limit=101", "limit"],
      ["unread=maybe", "unread"],
      ["archived=all", "archived"],
      ["since=yesterday", "since"],
      ["topic=topic:builds", "topic"],
      [
        numbers(17)
          .map((n) => `topic=t${n}`)
          .join("&"),
        "topic",
      ],
      ["type=%00", "type"],
      ["unreed=true", "unreed"],
    ])
      expect(await get(user, query), query).toMatchObject({
        status: 400,
        body: { code: "parameter-invalid", errors: [{ parameter }] },
      });
    expect((await get(user, "unreed=true")).body).toMatchObject({
      detail: "unreed is not known; did you mean unread?",
    });
    expect(await server.ask("GET", "/v1/inbox")).toMatchObject({
      status: 401,
      body: { code: "token-invalid" },
    });
  });
}
