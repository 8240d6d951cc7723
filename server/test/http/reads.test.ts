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
  expect(counts).toEqual({ total: 4, streams: { "user:ann": 3, "topic:read-t": 1 }, rev: 1 });
  const { entries } = decodeCursor(cursor);
  const seqs = (["user:ann", "topic:read-t"] as StreamName[]).map(
    (stream) => entries?.get(tagOf(stream))?.seq,
  );
  expect(seqs).toEqual([4, 2]);
  expect((await read("ann", "user:ann", 3)).json()).toEqual({ stream: "user:ann", upTo: 3, rev: 2 });
  expect((await as("ann", "GET", "/v1/unread")).json()).toMatchObject({
    total: 2,
    streams: { "user:ann": 1, "topic:read-t": 1 },
    rev: 2,
  });
});

test("a read is told to the bus, the larger one stays, and the head is the most", async () => {
  for (let n = 0; n < 3; n++) await send("user:bo");
  stage.told.length = 0;
  expect((await read("bo", "user:bo", 2)).json()).toEqual({ stream: "user:bo", upTo: 2, rev: 1 });
  expect(stage.told).toEqual([{ type: "changed", stream: "user:bo", rev: 1 }]);
  expect((await read("bo", "user:bo", 1)).json()).toEqual({ stream: "user:bo", upTo: 2, rev: 1 });
  expect((await read("bo", "user:bo", 99)).json()).toEqual({ stream: "user:bo", upTo: 3, rev: 2 });
});

test("only what is followed is read, and only by a user", async () => {
  const refused = await read("bo", "user:ann", 1);
  expect([refused.statusCode, refused.json().code]).toEqual([409, "not-followed"]);
  expect((await read("bo", "topic:none", 1)).json().code).toBe("not-followed");
  const key = await stage.inject({ method: "GET", url: "/v1/unread" });
  expect([key.statusCode, key.json().code]).toEqual([401, "token-invalid"]);
});

test.each([
  ["stream", { stream: "builds", upTo: 1 }],
  ["upTo", { stream: "user:bo", upTo: -1 }],
  ["upTo", { stream: "user:bo", upTo: 1.5 }],
  ["upTo", { stream: "user:bo" }],
  ["seqs", { stream: "user:bo", upTo: 1, seqs: [1] }],
])("a request that says it wrongly is told where: %s", async (member, payload) => {
  const answer = await as("bo", "POST", "/v1/read", payload);
  expect(answer.statusCode).toBe(400);
  expect(JSON.stringify(answer.json().errors)).toContain(member);
});
