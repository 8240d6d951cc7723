import { afterAll, beforeAll, expect, test } from "vitest";
import { kept, openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const shipped = (to: string | string[], id: string, more: object = {}) => ({
  to,
  id,
  type: "order.shipped",
  data: { title: "On its way" },
  ...more,
});

test("invariant 1: a notification that was answered with 202 is in the store", async () => {
  const answer = await stage.post({ ...shipped("user:1", "o-1"), source: "/shop" });
  expect(answer.statusCode).toBe(202);
  expect(answer.json()).toEqual({
    id: "o-1",
    source: "/shop",
    receipts: [{ to: "user:1", status: "stored", seq: 1 }],
  });
  const [row] = await kept(stage, "user:1");
  expect(row?.event).toMatchObject({
    specversion: "1.0",
    id: "o-1",
    source: "/shop",
    type: "order.shipped",
    data: { title: "On its way" },
  });
  expect(row?.event.to).toBeUndefined();
});

test("the source is the key's where it has one, the id is a UUIDv7 where nobody gives one", async () => {
  const { id, source } = (await stage.post({ to: "user:2", type: "t" })).json();
  expect(source).toBe("/shop");
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("one record a recipient, a recipient named twice counts once", async () => {
  const answer = await stage.post(shipped(["user:3", "user:4", "user:3"], "o-1"));
  expect(answer.json().receipts).toEqual([
    { to: "user:3", status: "stored", seq: 1 },
    { to: "user:4", status: "stored", seq: 1 },
  ]);
});

test("invariant 5: the same again changes nothing, and each recipient is told for itself", async () => {
  await stage.post(shipped(["user:5", "user:6"], "o-1"));
  const again = await stage.post(shipped(["user:6", "user:7", "user:5"], "o-1"));
  expect(again.statusCode).toBe(202);
  expect(again.json().receipts).toEqual([
    { to: "user:6", status: "duplicate", seq: 1 },
    { to: "user:7", status: "stored", seq: 1 },
    { to: "user:5", status: "duplicate", seq: 1 },
  ]);
  expect(await kept(stage, "user:5")).toHaveLength(1);
});

test("invariant 5: the same id with other content is a conflict that replaces nothing", async () => {
  await stage.post(shipped("user:8", "o-1"));
  const other = await stage.post(shipped(["user:8", "user:9"], "o-1", { data: { title: "Lost" } }));
  expect(other.statusCode).toBe(409);
  expect(other.headers["content-type"]).toBe("application/problem+json");
  expect(other.json()).toMatchObject({
    code: "conflict",
    id: "o-1",
    receipts: [
      { to: "user:8", status: "conflict", seq: 1, error: { code: "conflict" } },
      { to: "user:9", status: "stored", seq: 1 },
    ],
  });
  expect((await kept(stage, "user:8"))[0]?.event.data).toEqual({ title: "On its way" });
});

test("of several things that are wrong, the gravest is the answer", async () => {
  await stage.post(shipped("user:18", "o-1"));
  for (const to of [
    ["topic:none", "user:18"],
    ["user:18", "topic:none"],
  ]) {
    expect((await stage.post(shipped(to, "o-1", { data: "other" }))).json().code).toBe("conflict");
  }
});

test("another source is another notification", async () => {
  const both = await stage.key({ sources: ["/a", "/b*"] });
  for (const source of ["/a", "/b/1"]) {
    const answer = await stage.post({ ...shipped("user:10", "o-1"), source }, { authorization: both });
    expect(answer.json().receipts[0].status).toBe("stored");
  }
});

test("a batch answers item by item: 202 when all are accepted, 207 when some were refused", async () => {
  const good = await stage.post([shipped("user:11", "b-1"), shipped("user:11", "b-2")]);
  expect(good.statusCode).toBe(202);
  expect(
    good.json().results.map((result: { receipts: { seq: number }[] }) => result.receipts[0]?.seq),
  ).toEqual([1, 2]);

  const mixed = await stage.post([
    shipped("user:11", "b-3"),
    { to: "nobody", type: "t" },
    shipped("user:11", "b-1", { data: 1 }),
    { ...shipped("user:11", "b-4"), source: "/other" },
    shipped(["topic:none", "user:11"], "b-5"),
  ]);
  expect(mixed.statusCode).toBe(207);
  expect(mixed.json().results).toEqual([
    { id: "b-3", source: "/shop", receipts: [{ to: "user:11", status: "stored", seq: 3 }] },
    { status: "refused", error: expect.objectContaining({ code: "body-invalid", status: 400 }) },
    {
      id: "b-1",
      source: "/shop",
      receipts: [
        { to: "user:11", status: "conflict", seq: 1, error: expect.objectContaining({ code: "conflict" }) },
      ],
      error: expect.objectContaining({ code: "conflict" }),
    },
    {
      id: "b-4",
      source: "/other",
      status: "refused",
      error: expect.objectContaining({ code: "source-forbidden" }),
    },
    {
      id: "b-5",
      source: "/shop",
      receipts: [
        { to: "topic:none", status: "refused", error: expect.objectContaining({ code: "topic-not-found" }) },
        { to: "user:11", status: "stored", seq: 4 },
      ],
      error: expect.objectContaining({ code: "topic-not-found" }),
    },
  ]);
});

test("the same id twice in one batch: the first wins", async () => {
  const answer = await stage.post([
    shipped("user:12", "x"),
    shipped("user:12", "x"),
    shipped("user:12", "x", { data: 2 }),
  ]);
  const statuses = answer
    .json()
    .results.map((result: { receipts: { status: string }[] }) => result.receipts[0]?.status);
  expect(statuses).toEqual(["stored", "duplicate", "conflict"]);
});

test("an empty batch is accepted, and empty", async () => {
  const answer = await stage.post([]);
  expect(answer.statusCode).toBe(202);
  expect(answer.json()).toEqual({ results: [] });
});

test("NDJSON: a notification a line; a bad line is refused alone, with its place", async () => {
  const lines = [
    JSON.stringify(shipped("user:13", "n-1")),
    "",
    '{"to":"user:13",}',
    JSON.stringify(shipped("user:13", "n-2")),
  ];
  const answer = await stage.post(lines.join("\n"), { "content-type": "application/x-ndjson" });
  expect(answer.statusCode).toBe(207);
  const [first, second, third] = answer.json().results;
  expect([first.receipts[0].seq, third.receipts[0].seq]).toEqual([1, 2]);
  expect(second.error.detail).toBe("line 3 is not JSON");
});

test("the Idempotency-Key is the id of what has none; in a batch with the item's index", async () => {
  const one = await stage.post({ to: "user:14", type: "t" }, { "idempotency-key": '"k-1"' });
  expect(one.json()).toMatchObject({ id: "k-1", receipts: [{ status: "stored" }] });
  const again = await stage.post({ to: "user:14", type: "t" }, { "idempotency-key": "k-1" });
  expect(again.json().receipts[0]).toEqual({ to: "user:14", status: "duplicate", seq: 1 });
  const own = await stage.post({ to: "user:14", type: "t", id: "mine" }, { "idempotency-key": "k-1" });
  expect(own.json().id).toBe("mine");
  const batch = await stage.post(
    [
      { to: "user:14", type: "t" },
      { to: "user:14", type: "t" },
    ],
    { "idempotency-key": "k-2" },
  );
  expect(batch.json().results.map(({ id }: { id: string }) => id)).toEqual(["k-2/0", "k-2/1"]);
});

test("what has expired on arrival takes its seq all the same", async () => {
  const expired = await stage.post(shipped("user:15", "e-1", { expires: "2020-01-01T00:00:00Z" }));
  expect(expired.json().receipts[0]).toEqual({ to: "user:15", status: "stored", seq: 1 });
  const next = await stage.post(shipped("user:15", "e-2", { expires: "10m" }));
  expect(next.json().receipts[0].seq).toBe(2);
  const { rows } = await stage.store.streams.read("user:15", 0, 2);
  expect(rows[0]?.expiresAt).toBe(Date.parse("2020-01-01T00:00:00Z"));
  expect(rows[1]?.expiresAt).toBeGreaterThan(Date.now() + 590_000);
});

test("ephemeral ones go to the bus alone", async () => {
  stage.told.length = 0;
  const answer = await stage.post(shipped(["user:16", "user:17"], "p-1", { ephemeral: true }));
  expect(answer.statusCode).toBe(202);
  expect(answer.json().receipts).toEqual([
    { to: "user:16", status: "accepted", durable: false },
    { to: "user:17", status: "accepted", durable: false },
  ]);
  expect(stage.told.map(({ type, stream }) => [type, stream])).toEqual([
    ["ephemeral", "user:16"],
    ["ephemeral", "user:17"],
  ]);
  expect(await kept(stage, "user:16")).toEqual([]);
});

test("a batch larger than the log's batch keeps its order, across recipients too", async () => {
  const to = Array.from({ length: 50 }, (_, i) => `user:wide-${i}`);
  const items = Array.from({ length: 100 }, (_, i) => shipped(to, `w-${i}`, { data: i }));
  const answer = await stage.post(items);
  expect(answer.statusCode).toBe(202);
  for (const [i, { receipts }] of answer.json().results.entries()) {
    expect(receipts.every(({ seq }: { seq: number }) => seq === i + 1)).toBe(true);
  }
  const events = await kept(stage, "user:wide-49");
  expect(events.map(({ event }) => event.data)).toEqual(items.map(({ data }) => data));
});

test("a request that goes to many is handed to the log in pieces that it takes", async () => {
  const pieces: number[] = [];
  const own = await openStage({
    log: (log) => ({
      append(records) {
        pieces.push(records.reduce((sum, { body }) => sum + body.length, 0));
        return log.append(records);
      },
    }),
  });
  try {
    const to = Array.from({ length: 40 }, (_, at) => `user:many-${at}`);
    const data = "x".repeat(60_000);
    const items = Array.from({ length: 10 }, (_, at) => shipped(to, `m-${at}`, { data }));
    const answer = await own.post(items);
    expect(answer.statusCode).toBe(202);
    expect(Math.max(...pieces)).toBeLessThanOrEqual(4 << 20);
    expect(pieces.reduce((sum, bytes) => sum + bytes, 0)).toBeGreaterThan(400 * 60_000);
    const receipts = answer.json().results.flatMap((one: { receipts: object[] }) => one.receipts);
    expect(receipts).toEqual(
      items.flatMap((_, at) => to.map((stream) => ({ to: stream, status: "stored", seq: at + 1 }))),
    );
  } finally {
    await own.close();
  }
});
