import { decodeCursor, tagOf } from "@carillon/protocol/cursor";
import type { StreamName } from "@carillon/protocol/stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { encodeBefore } from "../../src/distributor/before.ts";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

let serial = 0;
async function send(to: string, more: object = {}): Promise<string> {
  const id = `i-${++serial}`;
  const answer = await stage.post({ to: [to], source: "/shop", id, type: "t", ...more });
  expect(answer.statusCode).toBe(202);
  return id;
}

async function follow(user: string, topic: string): Promise<void> {
  await stage.ask("PUT", `/v1/topics/${topic}`);
  await stage.ask("PUT", `/v1/topics/${topic}/subscribers/${user}`);
}

const get = (user: string, query = "") => stage.as(user, "GET", `/v1/inbox${query}`);

async function page(user: string, query = "") {
  const answer = await get(user, query);
  expect(answer.statusCode, answer.body).toBe(200);
  return answer.json();
}

const ids = ({ items }: { items: { event: { id: string } }[] }): string[] =>
  items.map(({ event }) => event.id);

test("an empty inbox is one page, with a cursor to go live from", async () => {
  const answer = await get("nobody");
  expect(answer.headers["content-type"]).toBe("application/json; charset=utf-8");
  expect(answer.headers["cache-control"]).toBe("no-store");
  const { unread, ...rest } = answer.json();
  expect(rest).toEqual({ items: [], before: null, cursor: unread.cursor });
  expect(unread).toEqual((await stage.as("nobody", "GET", "/v1/unread")).json());
});

test("pages are newest first over the user's own stream and their topics, each once, and end with null", async () => {
  await follow("ann", "inbox-a");
  await follow("ann", "inbox-b");
  const sent: string[] = [];
  for (let n = 0; n < 30; n++)
    sent.unshift(await send(["user:ann", "topic:inbox-a", "topic:inbox-b"][n % 3]!));
  const first = await page("ann", "?limit=7");
  expect(first.items[0]).toEqual({
    stream: "topic:inbox-b",
    seq: 10,
    event: expect.objectContaining({ id: sent[0], specversion: "1.0" }),
    read: false,
    archived: false,
  });
  expect(first.unread.total).toBe(30);
  const shown = [...ids(first)];
  for (let { before } = first; before !== null; ) {
    // What comes meanwhile is live's.
    await send("user:ann");
    const next = await page("ann", `?limit=7&before=${before}`);
    expect(next.cursor).toBe(first.cursor);
    expect(next.items.length).toBeLessThanOrEqual(7);
    shown.push(...ids(next));
    before = next.before;
  }
  expect(shown).toEqual(sent);
  const { entries } = decodeCursor(first.cursor);
  const seqs = (["user:ann", "topic:inbox-a", "topic:inbox-b"] as StreamName[]).map(
    (stream) => entries?.get(tagOf(stream))?.seq,
  );
  expect(seqs).toEqual([10, 10, 10]);
});

test("filters: unread, archived, silent, own, topic, type, source, since", async () => {
  await follow("bo", "inbox-c");
  await follow("bo", "inbox-d");
  const own = await send("user:bo");
  const other = await send("user:bo", { type: "other", data: { type: "t" } });
  const silent = await send("user:bo", { silent: true });
  const inC = await send("topic:inbox-c");
  const marked = await send("user:bo", { topic: "inbox-c", type: "other" });
  const inD = await send("topic:inbox-d");
  await stage.as("bo", "POST", "/v1/read", { stream: "user:bo", upTo: 1 });
  await stage.as("bo", "POST", "/v1/archive", { stream: "topic:inbox-d", upTo: 1 });
  const shows = async (query: string) => ids(await page("bo", query));

  expect(await shows("")).toEqual([marked, inC, other, own]);
  expect(await shows("?unread=true")).toEqual([marked, inC, other]);
  expect(await shows("?unread=true&silent=true")).toEqual([marked, inC, other]);
  expect(await shows("?archived=true")).toEqual([inD]);
  expect(await shows("?archived=true&unread=true")).toEqual([]);
  expect(await shows("?archived=any")).toEqual([inD, marked, inC, other, own]);
  expect(await shows("?silent=true")).toEqual([marked, inC, silent, other, own]);
  expect(await shows("?own=true")).toEqual([marked, other, own]);
  expect(await shows("?topic=inbox-c")).toEqual([marked, inC]);
  expect(await shows("?topic=inbox-c&own=true")).toEqual([marked]);
  expect(await shows("?topic=inbox-c&topic=inbox-d&archived=any")).toEqual([inD, marked, inC]);
  expect(await shows("?topic=nowhere")).toEqual([]);
  expect(await shows("?type=other")).toEqual([marked, other]);
  expect(await shows("?type=other&topic=inbox-c")).toEqual([marked]);
  expect(await shows("?source=/shop")).toHaveLength(4);
  expect(await shows("?source=/shop/")).toEqual([]);
  expect(await shows("?since=2999-01-01T00:00:00Z")).toEqual([]);
  expect(await shows("?since=2020-01-01T00:00:00%2B02:00")).toHaveLength(4);
  const { items } = await page("bo", "?archived=any");
  expect(items.map((one: { read: boolean; archived: boolean }) => [one.read, one.archived])).toEqual([
    [false, true],
    [false, false],
    [false, false],
    [false, false],
    [true, false],
  ]);
});

test.each([
  ["?limit=0", "limit", "must be >= 1"],
  ["?limit=101", "limit", "must be <= 100"],
  ["?limit=ten", "limit", "must be integer"],
  ["?unread=yes", "unread", "must be boolean"],
  ["?archived=all", "archived", "must be one of false, true, any"],
  ["?unred=true", "unred", "is not known; did you mean unread?"],
  ["?since=yesterday", "since", "must be a time such as 2026-01-31T09:00:00Z"],
  ["?since=2026-02-30T00:00:00Z", "since", "is no day of the calendar"],
  ["?topic=topic:builds", "topic", "must be a bare id or name; did you mean builds?"],
  [
    `?${Array.from({ length: 17 }, (_, n) => `topic=t${n}`).join("&")}`,
    "topic",
    "must not have more than 16 items",
  ],
  ["?type=a%00b", "type", expect.stringContaining("must match pattern")],
  ["?source=a b", "source", expect.stringContaining("must match pattern")],
])("a query that says it wrongly is told where: %s", async (query, parameter, detail) => {
  const answer = await get("ann", query);
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toMatchObject({ code: "parameter-invalid", errors: [{ parameter, detail }] });
});

test("a place of a page that isn't one is refused, never taken for the start", async () => {
  for (let n = 0; n < 3; n++) await send("user:cy");
  const { before, cursor } = await page("cy", "?limit=1");
  const flipped = `${before.slice(0, 8)}${before[8] === "A" ? "B" : "A"}${before.slice(9)}`;
  const places = new Map([[tagOf("user:cy"), { seq: 3, next: 2 }]]);
  expect(before).toBe(encodeBefore({ epoch: 1, places }));
  const elsewhere = encodeBefore({ epoch: 2, places });
  for (const token of [
    "",
    "A",
    "!",
    before.slice(0, -1),
    `${before}A`,
    flipped,
    cursor,
    elsewhere,
    "A".repeat(9_000),
  ]) {
    const answer = await get("cy", `?before=${encodeURIComponent(token)}`);
    expect(answer.statusCode, token).toBe(400);
    expect(answer.json()).toMatchObject({ code: "before-invalid" });
  }
});

test("another's place shows nothing of theirs, and what is shared from there", async () => {
  await follow("dora", "inbox-e");
  await follow("eve", "inbox-e");
  const shared = [await send("topic:inbox-e"), await send("topic:inbox-e")];
  const [hers, mine] = [await send("user:dora"), await send("user:eve")];
  await send("user:dora");
  const { before } = await page("dora", "?limit=1");
  expect(ids(await page("dora", `?before=${before}`))).toEqual([hers, ...shared.reverse()]);
  expect(ids(await page("eve", `?before=${before}`))).toEqual(shared);
  expect(ids(await page("eve"))).toEqual([mine, ...shared]);
});

test("what is followed since, or anew, is not on later pages", async () => {
  await follow("flo", "inbox-f");
  const [own] = [await send("user:flo")];
  await send("topic:inbox-f");
  await send("user:flo");
  const { before } = await page("flo", "?limit=1");
  await follow("flo", "inbox-g");
  await send("topic:inbox-g");
  await stage.ask("DELETE", "/v1/topics/inbox-f/subscribers/flo");
  await stage.ask("PUT", "/v1/topics/inbox-f/subscribers/flo");
  await send("topic:inbox-f");
  expect(ids(await page("flo", `?before=${before}`))).toEqual([own]);
});
