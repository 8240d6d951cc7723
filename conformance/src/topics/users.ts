/** Section 5.4: what users may do with topics, and what they see of them. */
import type { Accepted } from "@carillon/protocol/answers";
import { expect, test } from "vitest";
import { fresh, numbers, type Server, source, type User } from "../server.ts";
import { takesNothing } from "./policy.ts";

export function users(server: Server): void {
  const as = (user: User, method: string, path: string, body?: unknown) =>
    server.ask(method, path, { credential: user.token, ...(body === undefined ? {} : { body }) });
  const publish = (user: User, topic: string, more: object = {}) =>
    as(user, "POST", `/v1/topics/${topic}/notifications`, { type: "test", id: fresh("n"), ...more });

  async function own(user: User, body: object = {}): Promise<string> {
    const topic = fresh("topic");
    const made = await as(user, "PUT", `/v1/topics/${topic}`, body);
    expect(made).toMatchObject({ status: 201, body: { owner: user.stream } });
    return topic;
  }

  test("a topic of one's own: made, listed, changed, filled, deleted", async () => {
    const [user, other] = [await server.user(), await server.user()];
    const topic = await own(user);
    const path = `/v1/topics/${topic}`;
    expect((await as(user, "GET", "/v1/topics")).body).toMatchObject({ topics: [{ topic }], next: null });
    const changed = await as(user, "PATCH", path, { keep: "1d" });
    expect(changed).toMatchObject({ status: 200, body: { keep: "1d" } });
    expect((await as(user, "PUT", `${path}/subscribers/${other.id}`)).status).toBe(204);
    expect((await as(user, "PUT", `${path}/grants/${other.id}`)).status).toBe(204);
    expect(await as(other, "GET", path)).toMatchObject({ status: 200, body: { subscribers: 1 } });
    expect((await publish(other, topic)).status).toBe(202);
    expect((await as(user, "DELETE", `${path}/grants/${other.id}`)).status).toBe(204);
    expect(await publish(other, topic)).toMatchObject({ status: 403, body: { code: "forbidden" } });
    expect((await as(user, "DELETE", path)).status).toBe(204);
    expect(await server.ask("GET", path)).toMatchObject({ status: 404 });
  });

  test("what is hidden looks like what isn't there, whatever is asked of it", async () => {
    const [owner, eve] = [await server.user(), await server.user()];
    const [hidden, absent] = [await own(owner), fresh("topic")];
    for (const [method, path, body] of [
      ["GET", ""],
      ["PATCH", "", { active: false }],
      ["DELETE", ""],
      ["GET", "/subscribers"],
      ["PUT", "/subscribers", { users: ["a"] }],
      ["PUT", "/subscribers/a"],
      ["DELETE", "/subscribers/a"],
      ["GET", "/grants"],
      ["PUT", "/grants/a"],
      ["DELETE", "/grants/a"],
      ["POST", "/notifications", { type: "test" }],
    ] as const) {
      const [one, other] = [
        await as(eve, method, `/v1/topics/${hidden}${path}`, body),
        await as(eve, method, `/v1/topics/${absent}${path}`, body),
      ];
      const told = (answer: typeof one, topic: string) => {
        const { instance: _, ...problem } = answer.body as Record<string, unknown>;
        return JSON.stringify([answer.status, problem]).replaceAll(topic, "it");
      };
      expect(one, `${method} ${path}`).toMatchObject({ status: 404, body: { code: "topic-not-found" } });
      expect(told(one, hidden)).toBe(told(other, absent));
    }
    expect(await as(owner, "GET", `/v1/topics/${hidden}`)).toMatchObject({
      body: { active: true, subscribers: 0 },
    });
  });

  test("what is seen and another's isn't managed, and its name is taken", async () => {
    const [owner, eve] = [await server.user(), await server.user()];
    const topic = await own(owner, { subscribe: "open" });
    const path = `/v1/topics/${topic}`;
    expect((await as(eve, "GET", path)).status).toBe(200);
    for (const [method, url, body] of [
      ["PATCH", path, { active: false }],
      ["DELETE", path],
      ["PUT", `${path}/subscribers/${eve.id}`],
      ["PUT", `${path}/grants/${eve.id}`],
      ["GET", `${path}/subscribers`],
    ] as const) {
      expect(await as(eve, method, url, body)).toMatchObject({ status: 403, body: { code: "forbidden" } });
    }
    expect(await as(eve, "PUT", path, {})).toMatchObject({ status: 409, body: { code: "topic-taken" } });
    expect(await as(owner, "PUT", path, { owner: eve.stream })).toMatchObject({ status: 403 });
  });

  test("who publishes: owner, granted, followers where the topic says so; from themselves alone", async () => {
    const [owner, fan, eve] = [await server.user(), await server.user(), await server.user()];
    const topic = await own(owner, { subscribe: "open", publish: "subscribers" });
    for (const user of [fan]) expect((await as(user, "PUT", `/v1/subscriptions/${topic}`)).status).toBe(204);
    const { status, body } = await publish(owner, topic, { id: "a", data: 1 });
    expect(status).toBe(202);
    expect(body).toMatchObject({
      id: "a",
      source: `/users/${owner.id}`,
      receipts: [{ to: `topic:${topic}` }],
    });
    expect((await publish(fan, topic, { source: `/users/${fan.id}`, data: 2 })).status).toBe(202);
    expect(await publish(eve, topic)).toMatchObject({ status: 403, body: { code: "forbidden" } });
    for (const from of [`/users/${owner.id}`, source]) {
      expect(await publish(fan, topic, { source: from })).toMatchObject({
        body: { code: "source-forbidden" },
      });
    }
    const forged = { to: `topic:${topic}`, source: `/users/${owner.id}`, id: fresh("n"), type: "test" };
    expect(await server.send(forged)).toMatchObject({ status: 403, body: { code: "source-forbidden" } });
    using session = server.open("poll", fan);
    expect((await session.notifications(2)).map(({ event }) => [event.source, event["data"]])).toEqual([
      [`/users/${owner.id}`, 1],
      [`/users/${fan.id}`, 2],
    ]);
    const [again] = ((await publish(owner, topic, { id: "a", data: 1 })).body as Accepted).receipts;
    expect(again).toMatchObject({ status: await server.says("duplicate") });
    await server.ask("PATCH", `/v1/topics/${topic}`, { body: { active: false } });
    await takesNothing(() => publish(owner, topic, { ephemeral: true }));
  });

  test("to some members, as a user", async () => {
    const [owner, fan, eve] = [await server.user(), await server.user(), await server.user()];
    const topic = await own(owner, { subscribe: "open" });
    await as(fan, "PUT", `/v1/subscriptions/${topic}`);
    const { body } = await publish(owner, topic, { to: [fan.stream, eve.stream], data: "you" });
    expect(body).toMatchObject({ receipts: [{ to: fan.stream }, { to: eve.stream, status: "refused" }] });
    using session = server.open("websocket", fan);
    expect(await session.notifications(1)).toMatchObject([
      { stream: fan.stream, event: { topic, source: `/users/${owner.id}`, data: "you" } },
    ]);
    for (const more of [{ to: `topic:${topic}` }, { topic }, { to: [] }, { type: 7 }]) {
      expect(await publish(owner, topic, more)).toMatchObject({
        status: 400,
        body: { code: "body-invalid" },
      });
    }
  });

  test("open topics are followed and left by oneself, closed ones only left", async () => {
    const user = await server.user();
    const [open, closed, seen] = [await server.topic(), await server.topic(user), await server.topic()];
    await server.ask("PATCH", `/v1/topics/${open}`, { body: { subscribe: "open" } });
    await server.ask("PUT", `/v1/topics/${seen}/grants/${user.id}`);
    await server.store(`topic:${open}`, numbers(3));
    const mine = (topic: string) => `/v1/subscriptions/${topic}`;
    expect((await as(user, "PUT", mine(open))).status).toBe(204);
    expect(await as(user, "PUT", mine(seen))).toMatchObject({ status: 403, body: { code: "forbidden" } });
    expect(await as(user, "PUT", mine(await server.topic()))).toMatchObject({
      status: 404,
      body: { code: "topic-not-found" },
    });
    const both = [
      { topic: open, since: 3 },
      { topic: closed, since: 0 },
    ].sort((a, b) => (a.topic < b.topic ? -1 : 1));
    expect((await as(user, "GET", "/v1/subscriptions")).body).toEqual({ subscriptions: both });
    expect((await as(user, "GET", mine(open))).body).toEqual({ topic: open, since: 3 });
    for (const topic of [open, closed]) expect((await as(user, "DELETE", mine(topic))).status).toBe(204);
    for (const method of ["GET", "DELETE"]) {
      expect(await as(user, method, mine(open))).toMatchObject({
        status: 404,
        body: { code: "subscriber-not-found" },
      });
    }
  });
}
