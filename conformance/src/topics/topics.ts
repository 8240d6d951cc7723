/** Section 5: topics and who follows them. */
import type { Topic } from "@carillon/protocol/answers";
import { expect, test } from "vitest";
import { fresh, numbers, type Server } from "../server.ts";

interface Page {
  readonly next: string | null;
}

export function topics(server: Server): void {
  const subscribers = (topic: string, query = "") =>
    server.ask("GET", `/v1/topics/${topic}/subscribers${query}`);

  test("made, there already, read, deleted, gone", async () => {
    const path = `/v1/topics/${fresh("topic")}`;
    expect(await server.ask("GET", path)).toMatchObject({ status: 404, body: { code: "topic-not-found" } });
    const made = await server.ask("PUT", path);
    expect(made.status).toBe(201);
    expect(made.body).toEqual({
      topic: path.slice("/v1/topics/".length),
      owner: expect.stringMatching(/^(key|user):./),
      created: expect.stringMatching(/Z$/),
      subscribers: 0,
      subscribe: "closed",
      publish: "granted",
      active: true,
      keep: null,
    });
    expect(await server.ask("PUT", path, { body: {} })).toMatchObject({
      status: 200,
      body: made.body as Topic,
    });
    expect(await server.ask("GET", path)).toMatchObject({ status: 200, body: made.body as Topic });
    expect(await server.ask("DELETE", path)).toMatchObject({ status: 204, body: undefined });
    for (const method of ["GET", "DELETE"]) {
      expect(await server.ask(method, path)).toMatchObject({
        status: 404,
        body: { code: "topic-not-found" },
      });
    }
  });

  test("made again, its seqs go on, and its old subscribers and notifications are gone", async () => {
    const user = await server.user();
    const topic = await server.topic(user);
    await server.store(`topic:${topic}`, numbers(3));
    await server.ask("DELETE", `/v1/topics/${topic}`);
    expect((await server.ask("PUT", `/v1/topics/${topic}`)).body).toMatchObject({ subscribers: 0 });
    const [receipt] = await server.store(`topic:${topic}`, [4]);
    expect(receipt?.seq).toBeGreaterThan(3);
    await server.store(user.stream, ["own"]);
    using session = server.open("poll", user);
    expect(await session.notifications(1)).toMatchObject([{ stream: user.stream }]);
  });

  test("a list goes by pages, in ascending order", async () => {
    const prefix = fresh("page");
    const names = numbers(7).map((at) => `${prefix}-${at}`);
    for (const name of names.toReversed()) await server.ask("PUT", `/v1/topics/${name}`);
    const found: string[] = [];
    for (let after: string | null = prefix; after !== null && found.length < 7; ) {
      const { status, body } = await server.ask("GET", `/v1/topics?after=${after}&limit=3`);
      expect(status).toBe(200);
      const { topics, next } = body as Page & { readonly topics: readonly Topic[] };
      found.push(...topics.map(({ topic }) => topic));
      after = next;
    }
    expect(found.slice(0, 7)).toEqual(names);
  });

  test("subscribers one by one, and many at once", async () => {
    const users = await Promise.all(numbers(5).map(() => server.user()));
    const ids = users.map(({ id }) => id).sort();
    const topic = await server.topic(users[0]!);
    await server.store(`topic:${topic}`, numbers(2));
    const path = `/v1/topics/${topic}/subscribers`;
    const many = await server.ask("PUT", path, { body: { users: [...ids, ids[0]] } });
    expect(many).toMatchObject({ status: 200, body: { full: [] } });

    const since = (id: string) => (id === users[0]!.id ? 0 : 2);
    const all = ids.map((user) => ({ user, since: since(user) }));
    expect((await subscribers(topic)).body).toEqual({ subscribers: all, next: null });
    const { body: first } = await subscribers(topic, "?limit=3");
    expect(first).toEqual({ subscribers: all.slice(0, 3), next: expect.any(String) });
    const { body: rest } = await subscribers(topic, `?limit=3&after=${(first as Page).next}`);
    expect(rest).toEqual({ subscribers: all.slice(3), next: null });
    expect((await server.ask("GET", `/v1/topics/${topic}`)).body).toMatchObject({ subscribers: 5 });

    await server.unsubscribe(topic, users[0]!);
    const again = await server.ask("DELETE", `${path}/${users[0]!.id}`);
    expect(again).toMatchObject({ status: 404, body: { code: "subscriber-not-found" } });
    expect((await server.ask("GET", `/v1/topics/${topic}`)).body).toMatchObject({ subscribers: 4 });
  });

  test("256 topics a user, and no more", async () => {
    const user = await server.user();
    const names = await Promise.all(numbers(257).map(() => server.topic()));
    await Promise.all(names.slice(0, 256).map((name) => server.subscribe(name, user)));
    const path = `/v1/topics/${names[256]}/subscribers`;
    const one = await server.ask("PUT", `${path}/${user.id}`);
    expect(one).toMatchObject({ status: 409, body: { code: "subscriptions-too-many" } });
    const other = await server.user();
    const many = await server.ask("PUT", path, { body: { users: [user.id, other.id] } });
    expect(many).toMatchObject({ status: 200, body: { full: [user.id] } });
    expect((await subscribers(names[256]!)).body).toMatchObject({ subscribers: [{ user: other.id }] });

    await server.store(`topic:${names[255]}`, ["the last"]);
    for (const transport of ["websocket", "sse", "poll"] as const) {
      using session = server.open(transport, user);
      await session.notifications(1);
      const cursor = session.cursor()!;
      await server.store(`topic:${names[7]}`, [transport]);
      using again = server.open(transport, { ...user, cursor });
      expect((await again.notifications(1))[0]?.stream).toBe(`topic:${names[7]}`);
    }
  });

  test("what is refused, and how", async () => {
    const topic = await server.topic();
    const gone = fresh("topic");
    const body = { users: ["1"] };
    for (const [method, path, ask, status, code] of [
      ["PUT", "/v1/topics/a%20b", {}, 400, "topic-invalid"],
      ["GET", `/v1/topics/${"t".repeat(129)}`, {}, 400, "topic-invalid"],
      ["PUT", `/v1/topics/${topic}`, { body: { own: 1 } }, 400, "body-invalid"],
      ["GET", "/v1/topics?limit=0", {}, 400, "parameter-invalid"],
      ["GET", "/v1/topics?limit=1001", {}, 400, "parameter-invalid"],
      ["GET", "/v1/topics?first=1", {}, 400, "parameter-invalid"],
      ["GET", `/v1/topics/${gone}/subscribers`, {}, 404, "topic-not-found"],
      ["PUT", `/v1/topics/${gone}/subscribers`, { body }, 404, "topic-not-found"],
      ["PUT", `/v1/topics/${gone}/subscribers/1`, {}, 404, "topic-not-found"],
      ["DELETE", `/v1/topics/${gone}/subscribers/1`, {}, 404, "topic-not-found"],
      ["PUT", `/v1/topics/${topic}/subscribers/a%20b`, {}, 400, "user-invalid"],
      ["PUT", `/v1/topics/${topic}/subscribers`, { body: { users: [] } }, 400, "body-invalid"],
      ["PUT", `/v1/topics/${topic}/subscribers`, { body: { users: ["a b"] } }, 400, "body-invalid"],
      ["PUT", `/v1/topics/${topic}/subscribers`, { body: {} }, 400, "body-invalid"],
      [
        "PUT",
        `/v1/topics/${topic}/subscribers`,
        { body: { users: numbers(1_001).map(String) } },
        400,
        "body-invalid",
      ],
    ] as const) {
      const answer = await server.ask(method, path, ask);
      expect(answer, `${method} ${path}`).toMatchObject({ status, body: { code } });
    }
  });
}
