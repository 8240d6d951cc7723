import { afterAll, beforeAll, expect, test } from "vitest";
import { kept, openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const changed = () =>
  stage.told.flatMap((message) => (message.type === "changed" ? [message.stream] : [])).sort();

test("a topic is made once, has an owner, and is listed", async () => {
  const made = await stage.ask("PUT", "/v1/topics/builds");
  expect(made.statusCode).toBe(201);
  expect(made.json()).toEqual({
    topic: "builds",
    owner: "key:key-1",
    created: expect.stringMatching(/^\d{4}-.*Z$/),
    subscribers: 0,
    subscribe: "closed",
    publish: "granted",
    active: true,
    keep: null,
  });
  const again = await stage.ask("PUT", "/v1/topics/builds", {});
  expect(again.statusCode).toBe(200);
  expect(again.json()).toEqual(made.json());
  expect((await stage.ask("GET", "/v1/topics/builds")).json()).toEqual(made.json());
  expect((await stage.ask("PUT", "/v1/topics/builds", { keep: 1 })).json().code).toBe("body-invalid");
  expect((await stage.ask("PUT", "/v1/topics/builds", [])).json().code).toBe("body-invalid");
});

test("lists come in pages, by name", async () => {
  for (const topic of ["p-3", "p-1", "p-2"]) await stage.ask("PUT", `/v1/topics/${topic}`);
  const first = (await stage.ask("GET", "/v1/topics?after=p-&limit=2")).json();
  expect(first.topics.map(({ topic }: { topic: string }) => topic)).toEqual(["p-1", "p-2"]);
  const second = (await stage.ask("GET", `/v1/topics?after=${first.next}&limit=1000`)).json();
  expect(second.topics.map(({ topic }: { topic: string }) => topic)).toEqual(["p-3"]);
  expect(second.next).toBeNull();
});

test("whoever is subscribed or not any more is told to the bus", async () => {
  await stage.ask("PUT", "/v1/topics/told");
  stage.told.length = 0;
  expect((await stage.ask("PUT", "/v1/topics/told/subscribers/42")).statusCode).toBe(204);
  expect(changed()).toEqual(["user:42"]);
  const many = await stage.ask("PUT", "/v1/topics/told/subscribers", { users: ["7", "8", "7"] });
  expect(many.json()).toEqual({ full: [] });
  expect(changed()).toEqual(["user:42", "user:7", "user:8"]);

  const list = (await stage.ask("GET", "/v1/topics/told/subscribers?limit=2")).json();
  expect(list).toEqual({
    subscribers: [
      { user: "42", since: 0 },
      { user: "7", since: 0 },
    ],
    next: "7",
  });
  stage.told.length = 0;
  expect((await stage.ask("DELETE", "/v1/topics/told/subscribers/7")).statusCode).toBe(204);
  expect((await stage.ask("DELETE", "/v1/topics/told/subscribers/7")).json().code).toBe(
    "subscriber-not-found",
  );
  expect((await stage.ask("DELETE", "/v1/topics/none/subscribers/7")).json().code).toBe("topic-not-found");
  expect(changed()).toEqual(["user:7"]);
});

test("a stream is no bare id: it is answered with what was meant", async () => {
  await stage.ask("PUT", "/v1/topics/bare");
  const many = await stage.ask("PUT", "/v1/topics/bare/subscribers", { users: ["7", "user:1"] });
  expect(many.json()).toMatchObject({
    code: "body-invalid",
    errors: [{ pointer: "/users/1", detail: expect.stringContaining("did you mean 1?") }],
  });
  const token = await stage.ask("POST", "/v1/users/user:1/tokens", {});
  expect(token.json()).toMatchObject({
    code: "user-invalid",
    detail: expect.stringContaining("did you mean 1?"),
  });
  const topic = await stage.ask("PUT", "/v1/topics/topic:bare");
  expect(topic.json()).toMatchObject({
    code: "topic-invalid",
    detail: expect.stringContaining("did you mean bare?"),
  });
  expect((await stage.ask("PUT", "/v1/topics/bare/subscribers/user:user:1")).statusCode).toBe(400);
  expect((await stage.post({ to: "user:user:1", type: "t" })).json().code).toBe("body-invalid");
});

test("a deleted topic takes nothing more, although it was known; made again, its seqs go on", async () => {
  await stage.ask("PUT", "/v1/topics/again");
  await stage.ask("PUT", "/v1/topics/again/subscribers/9");
  const send = (id: string) => stage.post({ to: "topic:again", type: "t", id });
  expect((await send("1")).json().receipts[0].seq).toBe(1);
  stage.told.length = 0;
  expect((await stage.ask("DELETE", "/v1/topics/again")).statusCode).toBe(204);
  expect(changed()).toContain("user:9");
  expect((await stage.ask("DELETE", "/v1/topics/again")).statusCode).toBe(404);
  const ephemeral = await stage.post({ to: "topic:again", type: "t", ephemeral: true });
  expect(ephemeral.json().code).toBe("topic-not-found");
  expect((await send("2")).json().code).toBe("topic-not-found");
  await stage.ask("PUT", "/v1/topics/again");
  expect((await send("3")).json().receipts[0].seq).toBe(2);
});

test("a topic deleted elsewhere is refused by the log although it is still believed in here", async () => {
  await stage.ask("PUT", "/v1/topics/elsewhere");
  await stage.store.directory.deleteTopic("elsewhere");
  const answer = await stage.post({ to: ["topic:elsewhere", "user:e"], type: "t" });
  expect(answer.statusCode).toBe(404);
  expect(answer.json().receipts.map(({ status }: { status: string }) => status)).toEqual([
    "refused",
    "stored",
  ]);
  const ephemeral = await stage.post({ to: "topic:elsewhere", type: "t", ephemeral: true });
  expect(ephemeral.json().code).toBe("topic-not-found");
});

test("where a notification is, and taking it back", async () => {
  await stage.post({ to: ["user:t", "user:u"], type: "t", id: "a b/ü", receipt: true, expires: "1h" });
  const url = (to: string) => `/v1/notifications/${encodeURIComponent("a b/ü")}?source=%2Fshop&to=${to}`;
  const status = await stage.ask("GET", url("user:t"));
  expect(status.json()).toEqual({
    id: "a b/ü",
    source: "/shop",
    to: "user:t",
    seq: 1,
    state: "stored",
    stored: expect.any(String),
    expires: expect.any(String),
    received: { total: 0, users: [] },
  });
  await stage.store.positions.acknowledge([{ user: "t", stream: "user:t", upTo: 1 }]);
  expect((await stage.ask("GET", url("user:t"))).json().received).toEqual({
    total: 1,
    users: [{ user: "t", at: expect.any(String) }],
  });

  stage.told.length = 0;
  expect((await stage.ask("DELETE", url("user:t"))).statusCode).toBe(204);
  expect(stage.told).toEqual([{ type: "withdrawn", stream: "user:t", seq: 1, rev: expect.any(Number) }]);
  expect((await stage.ask("DELETE", url("user:t"))).statusCode).toBe(204);
  expect((await stage.ask("GET", url("user:t"))).json().state).toBe("gone");
  expect((await stage.ask("GET", url("user:u"))).json().state).toBe("stored");
  expect(await kept(stage, "user:t")).toEqual([{ seq: 1, event: null }]);
});

test("another producer's notification is none of a key's business", async () => {
  const authorization = await stage.key({ sources: ["/other"] });
  for (const method of ["GET", "DELETE"] as const) {
    const answer = await stage.inject({
      method,
      url: "/v1/notifications/x?source=/shop&to=user:t",
      headers: { authorization },
    });
    expect(answer.json().code).toBe("source-forbidden");
  }
});

test("what has expired is said to be", async () => {
  await stage.post({ to: "user:x", type: "t", id: "x", expires: "2020-01-01T00:00:00Z" });
  const status = await stage.ask("GET", "/v1/notifications/x?source=/shop&to=user:x");
  expect(status.json().state).toBe("expired");
});

test("a client's acknowledgement reaches the distributor with the user of its token", async () => {
  const { token } = stage.tokens.issue("42", 60_000);
  const answer = await stage.inject({
    method: "POST",
    url: "/v1/ack",
    headers: { authorization: `Bearer ${token}` },
    payload: { stream: "user:42", seq: 7 },
  });
  expect(answer.statusCode).toBe(204);
  expect(stage.acked).toEqual([{ user: "42", stream: "user:42", seq: 7 }]);
});
