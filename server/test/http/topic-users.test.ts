/** Section 5.4 of the protocol: what users may do with topics, and what they see of them. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { kept, openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage({ topicsPerUser: 3 });
});
afterAll(() => stage.close());

const code = (answer: { json(): { code: string } }) => answer.json().code;

/** Everything that can be asked of a topic, and by which it might show that it is there. */
const asked = (topic: string) =>
  [
    ["GET", `/v1/topics/${topic}`],
    ["PATCH", `/v1/topics/${topic}`, { active: false }],
    ["DELETE", `/v1/topics/${topic}`],
    ["GET", `/v1/topics/${topic}/subscribers`],
    ["PUT", `/v1/topics/${topic}/subscribers`, { users: ["eve"] }],
    ["PUT", `/v1/topics/${topic}/subscribers/eve`],
    ["DELETE", `/v1/topics/${topic}/subscribers/eve`],
    ["GET", `/v1/topics/${topic}/grants`],
    ["GET", `/v1/topics/${topic}/grants/eve`],
    ["PUT", `/v1/topics/${topic}/grants/eve`],
    ["DELETE", `/v1/topics/${topic}/grants/eve`],
    ["PUT", `/v1/subscriptions/${topic}`],
    ["GET", `/v1/subscriptions/${topic}`],
    ["DELETE", `/v1/subscriptions/${topic}`],
    ["POST", `/v1/topics/${topic}/notifications`, { type: "t" }],
    ["POST", `/v1/topics/${topic}/notifications`, { type: "t", to: "user:eve" }],
    ["POST", `/v1/topics/${topic}/notifications`, { type: "t", source: "/users/7" }],
    ["POST", `/v1/topics/${topic}/notifications`, { type: 1 }],
  ] as const;

test("what a user may not see looks like what doesn't exist, whatever they ask", async () => {
  await stage.ask("PUT", "/v1/topics/hidden", { owner: "user:ann" });
  await stage.ask("PUT", "/v1/topics/hidden/subscribers/bo");
  await stage.ask("PUT", "/v1/topics/hidden/grants/bo");
  const there = asked("hidden");
  for (const [at, [method, url, body]] of asked("absent").entries()) {
    const absent = await stage.as("eve", method, url, body);
    const [, otherUrl] = there[at]!;
    const hidden = await stage.as("eve", method, otherUrl, body);
    const { instance: _, ...one } = absent.json();
    const { instance: __, ...other } = hidden.json();
    expect(JSON.stringify(other).replaceAll("hidden", "absent"), url).toBe(JSON.stringify(one));
    expect(hidden.statusCode, url).toBe(absent.statusCode);
  }
  expect((await stage.as("eve", "GET", "/v1/topics")).json()).toEqual({ topics: [], next: null });
  expect(await stage.store.directory.getTopic("hidden")).toMatchObject({ active: true, subscribers: 1 });
});

test("what a user sees and doesn't own they may not manage", async () => {
  await stage.ask("PUT", "/v1/topics/seen", { subscribe: "open" });
  for (const [method, url, body] of asked("seen").slice(1, 11)) {
    expect(code(await stage.as("eve", method, url, body)), `${method} ${url}`).toBe("forbidden");
  }
  expect((await stage.as("eve", "GET", "/v1/topics/seen")).json()).toMatchObject({ topic: "seen" });
  expect(code(await stage.as("eve", "PUT", "/v1/topics/seen", {}))).toBe("topic-taken");
  expect(code(await stage.as("eve", "PUT", "/v1/topics/seen"))).toBe("topic-taken");
  expect(await stage.store.directory.getTopic("seen")).toMatchObject({
    owner: "key:key-1",
    subscribe: "open",
  });
});

test("a user's own topic: made, listed, changed, filled, deleted", async () => {
  const path = "/v1/topics/mine";
  const made = await stage.as("ann", "PUT", path, { subscribe: "open" });
  expect(made.statusCode).toBe(201);
  expect(made.json()).toMatchObject({ owner: "user:ann", subscribe: "open" });
  expect((await stage.as("ann", "PUT", path, { owner: "user:ann" })).statusCode).toBe(200);
  for (const method of ["PUT", "PATCH"] as const) {
    expect(code(await stage.as("ann", method, path, { owner: "user:bo" }))).toBe("forbidden");
  }
  expect((await stage.as("ann", "PATCH", path, { keep: "1d" })).json()).toMatchObject({ keep: "1d" });
  const { topics } = (await stage.as("ann", "GET", "/v1/topics")).json();
  expect(topics.map(({ topic }: { topic: string }) => topic)).toContain("mine");
  expect((await stage.as("ann", "PUT", `${path}/subscribers`, { users: ["bo", "cy"] })).json()).toEqual({
    full: [],
  });
  expect((await stage.as("ann", "PUT", `${path}/grants/bo`)).statusCode).toBe(204);
  expect((await stage.as("ann", "GET", `${path}/grants`)).json().grants).toHaveLength(1);
  expect((await stage.as("ann", "DELETE", `${path}/subscribers/cy`)).statusCode).toBe(204);
  expect((await stage.as("ann", "GET", `${path}/subscribers`)).json()).toMatchObject({
    subscribers: [{ user: "bo" }],
  });
  expect((await stage.as("bo", "GET", path)).json()).toMatchObject({ topic: "mine" });
  expect((await stage.as("ann", "DELETE", path)).statusCode).toBe(204);
  expect(code(await stage.as("ann", "GET", path))).toBe("topic-not-found");
});

test("a user makes as many as are allowed, and producers as many as they like", async () => {
  for (const at of [1, 2, 3])
    expect((await stage.as("max", "PUT", `/v1/topics/max-${at}`)).statusCode).toBe(201);
  const more = await stage.as("max", "PUT", "/v1/topics/max-4");
  expect(more.statusCode).toBe(409);
  expect(code(more)).toBe("topics-too-many");
  expect((await stage.as("max", "PUT", "/v1/topics/max-3", {})).statusCode).toBe(200);
  expect((await stage.ask("PUT", "/v1/topics/max-4", { owner: "user:max" })).statusCode).toBe(201);
  await stage.as("max", "DELETE", "/v1/topics/max-1");
  expect(code(await stage.as("max", "PUT", "/v1/topics/max-5"))).toBe("topics-too-many");
  await stage.as("max", "DELETE", "/v1/topics/max-2");
  expect((await stage.as("max", "PUT", "/v1/topics/max-5")).statusCode).toBe(201);
});

test("an API key without the scope is refused; users need none", async () => {
  const authorization = await stage.key({ scopes: ["send"] });
  const answer = await stage.inject({ method: "PUT", url: "/v1/topics/x", headers: { authorization } });
  expect(code(answer)).toBe("forbidden");
  const nobody = await stage.inject({
    method: "PUT",
    url: "/v1/topics/x",
    headers: { authorization: "Bearer x" },
  });
  expect(code(nobody)).toBe("token-invalid");
  expect(code(await stage.ask("PUT", "/v1/subscriptions/x"))).toBe("token-invalid");
});

test("open topics are followed and left; closed ones only left", async () => {
  await stage.ask("PUT", "/v1/topics/open", { subscribe: "open" });
  await stage.ask("PUT", "/v1/topics/shut");
  await stage.ask("PUT", "/v1/topics/shut/grants/fay");
  const follow = (topic: string) => stage.as("fay", "PUT", `/v1/subscriptions/${topic}`);
  const leave = (topic: string) => stage.as("fay", "DELETE", `/v1/subscriptions/${topic}`);
  stage.told.length = 0;
  expect((await follow("open")).statusCode).toBe(204);
  expect((await follow("open")).statusCode).toBe(204);
  expect(stage.told.filter(({ type }) => type === "changed")).toHaveLength(1);
  expect(code(await follow("shut"))).toBe("forbidden");
  expect(code(await follow("none"))).toBe("topic-not-found");
  await stage.ask("PUT", "/v1/topics/shut/subscribers/fay");
  expect((await follow("shut")).statusCode).toBe(204);
  const subscriptions = [
    { topic: "open", since: 0 },
    { topic: "shut", since: 0 },
  ];
  expect((await stage.as("fay", "GET", "/v1/subscriptions")).json()).toEqual({ subscriptions });
  expect((await stage.as("fay", "GET", "/v1/subscriptions/open")).json()).toEqual(subscriptions[0]);
  for (const topic of ["open", "shut"]) expect((await leave(topic)).statusCode).toBe(204);
  expect(code(await leave("open"))).toBe("subscriber-not-found");
  expect(code(await stage.as("fay", "GET", "/v1/subscriptions/open"))).toBe("subscriber-not-found");
  await stage.ask("PUT", "/v1/topics/own-shut", { owner: "user:fay" });
  expect((await follow("own-shut")).statusCode).toBe(204);
});

test("256 topics a user follows, and no more", async () => {
  for (let at = 0; at < 256; at++) {
    await stage.store.directory.putTopic(`s${at}`, "key:k");
    await stage.store.directory.subscribe(`s${at}`, ["sam"], 256);
  }
  await stage.ask("PUT", "/v1/topics/one-more", { subscribe: "open" });
  expect(code(await stage.as("sam", "PUT", "/v1/subscriptions/one-more"))).toBe("subscriptions-too-many");
});

test("who may publish: the owner, those granted, followers where the topic says so; nobody else", async () => {
  const path = "/v1/topics/chat";
  await stage.as("ann", "PUT", path, { subscribe: "open" });
  const publish = (user: string, body: object = { type: "t" }) =>
    stage.as(user, "POST", `${path}/notifications`, body);
  expect((await publish("ann")).statusCode).toBe(202);
  expect(code(await publish("bo"))).toBe("forbidden");
  await stage.as("bo", "PUT", "/v1/subscriptions/chat");
  expect(code(await publish("bo"))).toBe("forbidden");
  await stage.as("ann", "PUT", `${path}/grants/bo`);
  expect((await publish("bo")).statusCode).toBe(202);
  await stage.as("ann", "DELETE", `${path}/grants/bo`);
  expect(code(await publish("bo"))).toBe("forbidden");
  await stage.as("ann", "PATCH", path, { publish: "subscribers" });
  expect((await publish("bo")).statusCode).toBe(202);
  expect(code(await publish("cy"))).toBe("forbidden");
  await stage.as("bo", "DELETE", "/v1/subscriptions/chat");
  expect(code(await publish("bo"))).toBe("forbidden");
  await stage.as("ann", "PATCH", path, { active: false });
  expect(code(await publish("ann"))).toBe("topic-inactive");
  const events = (await kept(stage, "topic:chat")).map(({ event }) => event.source);
  expect(events).toEqual(["/users/ann", "/users/bo", "/users/bo"]);
});

test("what a user publishes is from them, once, and as a producer's would be", async () => {
  const path = "/v1/topics/say/notifications";
  await stage.as("ann", "PUT", "/v1/topics/say");
  await stage.as("ann", "PUT", "/v1/topics/say/subscribers", { users: ["bo"] });
  const say = (body: object, headers: Record<string, string> = {}) => {
    const authorization = `Bearer ${stage.tokens.issue("ann", 60_000).token}`;
    return stage.inject({ method: "POST", url: path, headers: { authorization, ...headers }, payload: body });
  };
  const first = await say({ id: "1", type: "t", data: { text: "x" } });
  expect(first.json()).toEqual({
    id: "1",
    source: "/users/ann",
    receipts: [{ to: "topic:say", status: "stored", seq: 1 }],
  });
  expect((await say({ id: "1", type: "t", data: { text: "x" } })).json().receipts[0].status).toBe(
    "duplicate",
  );
  expect(code(await say({ id: "1", type: "t", data: { text: "y" } }))).toBe("conflict");
  const keyed = { "idempotency-key": '"k-1"' };
  expect((await say({ type: "t" }, keyed)).json()).toMatchObject({ id: "k-1", receipts: [{ seq: 2 }] });
  expect((await say({ type: "t" }, keyed)).json()).toMatchObject({ receipts: [{ status: "duplicate" }] });
  for (const source of ["/users/bo", "/shop", "/users/ann/x"]) {
    expect(code(await say({ type: "t", source }))).toBe("source-forbidden");
  }
  expect((await say({ type: "t", source: "/users/ann" })).statusCode).toBe(202);
  expect(code(await stage.post({ to: "topic:say", type: "t", source: "/users/ann" }))).toBe(
    "source-forbidden",
  );
  const some = await say({ type: "t", to: ["user:bo", "user:cy"] });
  expect(some.json().receipts.map(({ status }: { status: string }) => status)).toEqual(["stored", "refused"]);
  expect((await kept(stage, "user:bo")).at(-1)).toMatchObject({
    event: { topic: "say", source: "/users/ann" },
  });
  for (const [body, pointer] of [
    [{ type: "t", topic: "say" }, "/topic"],
    [{ type: "t", to: "topic:other" }, "/to"],
    [{ type: "t", to: ["user:bo", "topic:say"] }, "/to/1"],
    [{}, "/type"],
    [{ type: "t", to: [] }, "/to"],
    [[], ""],
  ] as const) {
    const refused = await say(body as object);
    expect(refused.json(), JSON.stringify(body)).toMatchObject({
      code: "body-invalid",
      errors: [{ pointer }],
    });
  }
  expect(code(await say({ type: "t", data: "x".repeat(65_450) }))).toBe("notification-too-large");
});
