import { decodeCursor, tagOf } from "@carillon/protocol/cursor";
import type { StreamName } from "@carillon/protocol/stream";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

async function as(user: string, method: "GET" | "POST", url: string, payload?: object) {
  const { token } = await stage.tokens.issue(user, 60_000);
  const headers = { authorization: `Bearer ${token}` };
  return stage.inject(payload === undefined ? { method, url, headers } : { method, url, headers, payload });
}

const read = (user: string, stream: string, upTo: unknown) => as(user, "POST", "/v1/read", { stream, upTo });

let serial = 0;
const send = (to: string, more: object = {}) =>
  stage.post({ to: [to], source: "/shop", id: `r-${++serial}`, type: "t", ...more });

test("invariant 7: unread is computed, with the cursor and the rev for which it is true", async () => {
  await stage.ask("PUT", "/v1/topics/read-t");
  await send("topic:read-t");
  await stage.ask("PUT", "/v1/topics/read-t/subscribers/ann");
  await send("topic:read-t");
  for (const more of [{}, { silent: true }, {}, { expires: "1h" }]) await send("user:ann", more);
  const answer = await as("ann", "GET", "/v1/unread");
  expect(answer.headers["cache-control"]).toBe("no-store");
  const { cursor, ...counts } = answer.json();
  const all = { total: 4, streams: { "user:ann": 3, "topic:read-t": 1 } };
  expect(counts).toEqual({ ...all, unseen: all, rev: 1 });
  const { entries } = decodeCursor(cursor);
  const seqs = (["user:ann", "topic:read-t"] as StreamName[]).map(
    (stream) => entries?.get(tagOf(stream))?.seq,
  );
  expect(seqs).toEqual([4, 2]);
  expect((await read("ann", "user:ann", 3)).json()).toEqual({
    stream: "user:ann",
    upTo: 3,
    except: [],
    rev: 2,
  });
  expect((await as("ann", "GET", "/v1/unread")).json()).toMatchObject({
    total: 2,
    streams: { "user:ann": 1, "topic:read-t": 1 },
    rev: 2,
  });
});

test("a read is told to the bus, the larger one stays, and the head is the most", async () => {
  for (let n = 0; n < 3; n++) await send("user:bo");
  stage.told.length = 0;
  expect((await read("bo", "user:bo", 2)).json()).toEqual({ stream: "user:bo", upTo: 2, except: [], rev: 1 });
  expect(stage.told).toEqual([{ type: "changed", stream: "user:bo", rev: 1 }]);
  expect((await read("bo", "user:bo", 1)).json()).toEqual({ stream: "user:bo", upTo: 2, except: [], rev: 1 });
  expect((await read("bo", "user:bo", 99)).json()).toEqual({
    stream: "user:bo",
    upTo: 3,
    except: [],
    rev: 2,
  });
});

test("single ones and back, archived and seen, one stream and all: each answer says what is marked now", async () => {
  await stage.ask("PUT", "/v1/topics/marked");
  await stage.ask("PUT", "/v1/topics/marked/subscribers/cy");
  for (let n = 0; n < 6; n++) await send("user:cy");
  for (let n = 0; n < 2; n++) await send("topic:marked");
  const post = async (kind: string, payload: object) =>
    (await as("cy", "POST", `/v1/${kind}`, payload)).json();
  const stream = "user:cy";
  const at = (rev: number, upTo: number, ...except: number[]) => ({ stream, upTo, except, rev });
  expect(await post("read", { stream, seqs: [2, 5] })).toEqual(at(2, 0, 2, 5));
  expect(await post("read", { stream, upTo: 3 })).toEqual(at(3, 3, 5));
  expect(await post("read", { stream, seqs: [1, 5], undo: true })).toEqual(at(4, 3, 1));
  expect(await post("archive", { stream, seqs: [6], undo: false })).toEqual(at(5, 0, 6));
  expect(await post("seen", { all: true })).toEqual({ rev: 6 });
  expect(await post("seen", { all: true })).toEqual({ rev: 6 });
  await send("topic:marked");
  expect((await as("cy", "GET", "/v1/unread")).json()).toMatchObject({
    total: 6,
    streams: { [stream]: 3, "topic:marked": 3 },
    unseen: { total: 1, streams: { "topic:marked": 1 } },
    rev: 6,
  });
  expect(await post("seen", { stream: "topic:marked", upTo: 99 })).toEqual({
    stream: "topic:marked",
    upTo: 3,
    except: [],
    rev: 7,
  });
  expect(await post("archive", { stream, upTo: 2 })).toEqual(at(8, 2, 6));
  expect(await post("archive", { stream, seqs: [6], undo: true })).toEqual(at(9, 2));
  expect(await post("read", { all: true })).toEqual({ rev: 10 });
  expect((await as("cy", "GET", "/v1/unread")).json()).toMatchObject({ total: 0, unseen: { total: 0 } });
});

test("only what is followed is read, and only by a user", async () => {
  const refused = await read("bo", "user:ann", 1);
  expect([refused.statusCode, refused.json().code]).toEqual([409, "not-followed"]);
  expect((await read("bo", "topic:none", 1)).json().code).toBe("not-followed");
  const key = await stage.inject({ method: "GET", url: "/v1/unread" });
  expect([key.statusCode, key.json().code]).toEqual([401, "token-invalid"]);
});

const seqs = Array.from({ length: 257 }, (_, at) => at);
test.each<[pointer: string, kind: string, payload: object]>([
  ["/stream", "read", { stream: "builds", upTo: 1 }],
  ["/stream", "read", { upTo: 1 }],
  ["/stream", "seen", { stream: "user:bo", all: true }],
  ["/upTo", "read", { stream: "user:bo", upTo: -1 }],
  ["/upTo", "archive", { stream: "user:bo", upTo: 1.5 }],
  ["/seqs", "read", { stream: "user:bo", seqs: [] }],
  ["/seqs", "read", { stream: "user:bo", seqs }],
  ["/seqs/1", "archive", { stream: "user:bo", seqs: [1, "2"] }],
  ["/seqs", "seen", { stream: "user:bo", seqs: [1] }],
  ["/undo", "read", { stream: "user:bo", upTo: 1, undo: true }],
  ["/undo", "seen", { stream: "user:bo", upTo: 1, undo: true }],
  ["/all", "archive", { all: false }],
  ["", "read", { stream: "user:bo" }],
  ["", "read", { stream: "user:bo", upTo: 1, seqs: [1] }],
  ["", "seen", {}],
])("a request that says it wrongly is told where: %s of %s %j", async (pointer, kind, payload) => {
  const answer = await as("bo", "POST", `/v1/${kind}`, payload);
  expect(answer.statusCode).toBe(400);
  expect(answer.json()).toMatchObject({ code: "body-invalid" });
  expect(answer.json().errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
});
