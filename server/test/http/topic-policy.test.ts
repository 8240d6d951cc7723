import { afterAll, beforeAll, expect, test } from "vitest";
import { kept, openStage, type Stage } from "./stage.ts";

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(() => stage.close());

const code = (answer: { json(): { code: string } }) => answer.json().code;
const policyOf = async (topic: string) => {
  const { topic: _, created, subscribers, ...rest } = (await stage.ask("GET", `/v1/topics/${topic}`)).json();
  return rest;
};

test("PUT makes and replaces, PATCH changes some, PUT without a body leaves it as it is", async () => {
  const path = "/v1/topics/p";
  const made = await stage.ask("PUT", path, { subscribe: "open", keep: "48h", owner: "user:7" });
  expect(made.statusCode).toBe(201);
  const policy = { owner: "user:7", subscribe: "open", publish: "granted", active: true, keep: "2d" };
  expect(await policyOf("p")).toEqual(policy);
  expect((await stage.ask("PUT", path)).statusCode).toBe(200);
  expect(await policyOf("p")).toEqual(policy);
  const changed = await stage.ask("PATCH", path, { active: false, keep: "90s" });
  expect(changed.statusCode).toBe(200);
  expect(changed.json()).toMatchObject({ ...policy, active: false, keep: "90s" });
  expect((await stage.ask("PATCH", path, {})).json()).toMatchObject({ active: false, keep: "90s" });
  expect((await stage.ask("PATCH", path, { keep: null })).json()).toMatchObject({
    keep: null,
    active: false,
  });
  const replaced = await stage.ask("PUT", path, { publish: "subscribers" });
  expect(replaced.statusCode).toBe(200);
  expect(await policyOf("p")).toEqual({
    owner: "user:7",
    subscribe: "closed",
    publish: "subscribers",
    active: true,
    keep: null,
  });
  expect((await stage.ask("PATCH", path, { owner: "key:other" })).json()).toMatchObject({
    owner: "key:other",
  });
});

test("what a policy can't be is refused, and says where", async () => {
  await stage.ask("PUT", "/v1/topics/q");
  for (const [body, pointer] of [
    [{ keep: 7 }, "/keep"],
    [{ keep: "0s" }, "/keep"],
    [{ keep: "3651d" }, "/keep"],
    [{ keep: "999999d" }, "/keep"],
    [{ active: "yes" }, "/active"],
    [{ subscribe: "closd" }, "/subscribe"],
    [{ publish: "all" }, "/publish"],
    [{ owner: "7" }, "/owner"],
    [{ owner: "user:user:7" }, "/owner"],
    [{ owner: "topic:q" }, "/owner"],
    [{ kep: "1d" }, "/kep"],
  ] as const) {
    for (const method of ["PUT", "PATCH"] as const) {
      const answer = await stage.ask(method, "/v1/topics/q", body);
      expect(answer.statusCode, JSON.stringify(body)).toBe(400);
      expect(answer.json().errors[0].pointer, JSON.stringify(body)).toBe(pointer);
    }
  }
  expect(code(await stage.ask("PATCH", "/v1/topics/q"))).toBe("body-invalid");
  expect((await stage.ask("PUT", "/v1/topics/q", { keep: "3650d" })).statusCode).toBe(200);
  expect(code(await stage.ask("PATCH", "/v1/topics/none", { active: true }))).toBe("topic-not-found");
});

test("an inactive topic takes nothing from the next request on, and what is there stays", async () => {
  const path = "/v1/topics/i";
  await stage.ask("PUT", path);
  const send = (id: string, more: object = {}) => stage.post({ to: "topic:i", type: "t", id, ...more });
  expect((await send("1")).statusCode).toBe(202);
  await stage.ask("PATCH", path, { active: false });
  for (const more of [{}, { ephemeral: true }]) {
    const refused = await send("2", more);
    expect(refused.statusCode).toBe(409);
    expect(refused.json()).toMatchObject({ code: "topic-inactive", receipts: [{ status: "refused" }] });
  }
  expect((await stage.ask("PUT", `${path}/subscribers/1`)).statusCode).toBe(204);
  await stage.ask("PATCH", path, { active: true });
  expect((await send("2")).json().receipts[0]).toMatchObject({ seq: 2 });
  expect(await kept(stage, "topic:i")).toHaveLength(2);
});

test("what a topic keeps for a while expires by then, from the next request on", async () => {
  await stage.ask("PUT", "/v1/topics/k", { keep: "1h" });
  await stage.post({ to: ["topic:k", "user:k"], type: "t", id: "1" });
  await stage.ask("PATCH", "/v1/topics/k", { keep: null });
  await stage.post({ to: "topic:k", type: "t", id: "2" });
  await stage.ask("PATCH", "/v1/topics/k", { keep: "2h" });
  expect((await stage.post({ to: "topic:k", type: "t", id: "1" })).json().receipts[0].status).toBe(
    "duplicate",
  );
  await stage.post({ to: "topic:k", type: "t", id: "3", expires: "1m" });
  const { rows } = await stage.store.streams.read("topic:k", 0, 9);
  const left = rows.map(({ expiresAt }) => (expiresAt === null ? null : expiresAt - Date.now()));
  expect(left[0]! / 60_000).toBeCloseTo(60, 0);
  expect(left[1]).toBeNull();
  expect(left[2]! / 60_000).toBeCloseTo(1, 0);
  const [own] = await kept(stage, "user:k");
  expect(own!.event).not.toHaveProperty("expirytime");
  const [first] = await kept(stage, "topic:k");
  expect(first!.event.expirytime).toBe(new Date(rows[0]!.expiresAt!).toISOString());
});

test("to some members: their own streams, marked with the topic; others are refused, each by themselves", async () => {
  await stage.ask("PUT", "/v1/topics/m", { keep: "1h" });
  await stage.ask("PUT", "/v1/topics/m/subscribers", { users: ["m1", "m2"] });
  const to = ["user:m1", "user:stranger", "user:m2"];
  const some = await stage.post({ to, topic: "m", type: "t", id: "1" });
  expect(some.statusCode).toBe(404);
  expect(some.json()).toMatchObject({
    code: "subscriber-not-found",
    receipts: [
      { to: "user:m1", status: "stored" },
      { to: "user:stranger", status: "refused", error: { code: "subscriber-not-found" } },
      { to: "user:m2", status: "stored" },
    ],
  });
  expect(await kept(stage, "user:m1")).toMatchObject([
    { event: { topic: "m", expirytime: expect.any(String) } },
  ]);
  expect(await kept(stage, "topic:m")).toEqual([]);
  expect(await kept(stage, "user:stranger")).toEqual([]);
  await stage.ask("DELETE", "/v1/topics/m/subscribers/m1");
  expect((await stage.post({ to: "user:m1", topic: "m", type: "t", id: "2" })).statusCode).toBe(404);
  const both = await stage.post({ to: ["user:m1", "topic:m"], topic: "m", type: "t" });
  expect(both.json()).toMatchObject({ code: "body-invalid", errors: [{ pointer: "/to/1" }] });
  const event = { specversion: "1.0", id: "3", source: "/shop", type: "t", to: "user:m2", topic: "m" };
  const headers = { "content-type": "application/cloudevents+json" };
  expect((await stage.post(event, headers)).statusCode).toBe(202);
  expect(code(await stage.post({ to: "user:m2", topic: "none", type: "t" }))).toBe("topic-not-found");
});

test("a batch to members of several topics asks for each of them once", async () => {
  for (const topic of ["b1", "b2"]) {
    await stage.ask("PUT", `/v1/topics/${topic}`);
    await stage.ask("PUT", `/v1/topics/${topic}/subscribers`, { users: ["x", topic] });
  }
  const items = Array.from({ length: 60 }, (_, at) => ({
    to: ["user:x", "user:b1"],
    topic: at % 2 ? "b1" : "b2",
    type: "t",
    id: `${at}`,
  }));
  const { results } = (await stage.post(items)).json();
  for (const [at, { receipts }] of results.entries()) {
    expect(receipts.map(({ status }: { status: string }) => status)).toEqual([
      "stored",
      at % 2 ? "stored" : "refused",
    ]);
  }
});

test("grants: given, listed, taken; and what is refused", async () => {
  await stage.ask("PUT", "/v1/topics/g");
  const path = "/v1/topics/g/grants";
  expect(code(await stage.ask("GET", `${path}/1`))).toBe("grant-not-found");
  for (const user of ["3", "1", "2"])
    expect((await stage.ask("PUT", `${path}/${user}`)).statusCode).toBe(204);
  expect((await stage.ask("PUT", `${path}/1`)).statusCode).toBe(204);
  expect((await stage.ask("GET", `${path}/1`)).json()).toEqual({ user: "1", created: expect.any(String) });
  const first = (await stage.ask("GET", `${path}?limit=2`)).json();
  expect(first).toEqual({
    grants: ["1", "2"].map((user) => ({ user, created: expect.stringMatching(/Z$/) })),
    next: "2",
  });
  expect((await stage.ask("GET", `${path}?after=2`)).json()).toMatchObject({
    grants: [{ user: "3" }],
    next: null,
  });
  expect((await stage.ask("DELETE", `${path}/1`)).statusCode).toBe(204);
  expect(code(await stage.ask("DELETE", `${path}/1`))).toBe("grant-not-found");
  for (const method of ["GET", "PUT", "DELETE"] as const) {
    expect(code(await stage.ask(method, "/v1/topics/none/grants/1"))).toBe("topic-not-found");
    expect(code(await stage.ask(method, `${path}/user:1`))).toBe("user-invalid");
  }
  expect(code(await stage.ask("GET", "/v1/topics/none/grants"))).toBe("topic-not-found");
  const many = Array.from({ length: 1_000 }, (_, at) => `many${at}`);
  await Promise.all(many.map((user) => stage.store.grants.grant("g", user, 1_000)));
  expect(code(await stage.ask("PUT", `${path}/one-more`))).toBe("grants-too-many");
  expect((await stage.ask("PUT", `${path}/2`)).statusCode).toBe(204);
});
