/** Sections 5.1 and 5.3: what a topic lets happen, and grants. */
import type { Accepted } from "@carillon/protocol/answers";
import { expect, test } from "vitest";
import { eventually } from "../client/deadline.ts";
import type { Answer } from "../client/request.ts";
import { fresh, numbers, type Server, source } from "../server.ts";

const defaults = { subscribe: "closed", publish: "granted", active: true, keep: null };

/** What a topic is changed to holds within five seconds everywhere. */
export const takesNothing = (send: () => Promise<Answer>): Promise<Answer> =>
  eventually("a topic that takes nothing", async () => {
    const answer = await send();
    return (answer.body as { code?: string }).code === "topic-inactive" ? answer : null;
  });

export function policy(server: Server): void {
  const send = (topic: string, more: object = {}) =>
    server.send({ to: `topic:${topic}`, source, id: fresh("n"), type: "test", ...more });

  test("replaced whole by PUT, in part by PATCH, left alone by PUT without a body", async () => {
    const path = `/v1/topics/${fresh("topic")}`;
    const put = await server.ask("PUT", path, { body: { subscribe: "open", keep: "7d" } });
    expect(put).toMatchObject({ status: 201, body: { ...defaults, subscribe: "open", keep: "7d" } });
    expect(await server.ask("PUT", path)).toMatchObject({ status: 200, body: put.body as object });
    const patched = await server.ask("PATCH", path, { body: { active: false, publish: "subscribers" } });
    const all = { subscribe: "open", publish: "subscribers", active: false, keep: "7d" };
    expect(patched).toMatchObject({ status: 200, body: all });
    expect(await server.ask("PATCH", path, { body: {} })).toMatchObject({ status: 200, body: all });
    expect(await server.ask("GET", path)).toMatchObject({ status: 200, body: all });
    const owner = `user:${fresh()}`;
    const replaced = await server.ask("PUT", path, { body: { owner } });
    expect(replaced).toMatchObject({ status: 200, body: { ...defaults, owner } });
    expect(await server.ask("PUT", path, { body: {} })).toMatchObject({ status: 200, body: { owner } });
  });

  test.each([
    [{ keep: "0s" }, "/keep"],
    [{ keep: 60 }, "/keep"],
    [{ keep: "3651d" }, "/keep"],
    [{ subscribe: "yes" }, "/subscribe"],
    [{ publish: [] }, "/publish"],
    [{ active: 1 }, "/active"],
    [{ owner: "somebody" }, "/owner"],
    [{ closed: true }, "/closed"],
    [[], ""],
  ])("%j is refused", async (body, pointer) => {
    const path = `/v1/topics/${await server.topic()}`;
    for (const method of ["PUT", "PATCH"]) {
      expect(await server.ask(method, path, { body })).toMatchObject({
        status: 400,
        body: { code: "body-invalid", errors: [{ pointer }] },
      });
    }
    expect(await server.ask("GET", path)).toMatchObject({ body: defaults });
  });

  test("an inactive topic takes nothing, and its followers keep what there is", async () => {
    const user = await server.user();
    const topic = await server.topic(user);
    await server.store(`topic:${topic}`, [1]);
    await server.ask("PATCH", `/v1/topics/${topic}`, { body: { active: false } });
    for (const more of [{ ephemeral: true }, { to: user.stream, topic, ephemeral: true }, {}]) {
      const refused = await takesNothing(() => send(topic, more));
      expect(refused).toMatchObject({ status: 409, body: { receipts: [{ status: "refused" }] } });
    }
    using session = server.open("poll", user);
    expect(await session.notifications(1)).toMatchObject([{ event: { data: 1 } }]);
    await server.ask("PATCH", `/v1/topics/${topic}`, { body: { active: true } });
    await eventually("a topic that takes something again", async () =>
      (await send(topic)).status === 202 ? true : null,
    );
  });

  test("what a topic keeps for a while expires; the earlier of two expiries wins", async () => {
    const user = await server.user();
    const topic = await server.topic(user);
    await server.ask("PATCH", `/v1/topics/${topic}`, { body: { keep: "1h" } });
    const before = Date.now();
    await server.store(`topic:${topic}`, ["kept"]);
    await server.store(`topic:${topic}`, ["shorter"], { expires: "1m" });
    await server.store(`topic:${topic}`, ["longer"], { expires: "7d" });
    await server.store(user.stream, ["own"]);
    using session = server.open("websocket", user);
    const events = (await session.notifications(4)).map(({ event }) => event);
    const left = Object.fromEntries(
      events.map(({ data, expirytime }) => [
        data,
        expirytime === undefined ? null : Date.parse(String(expirytime)) - before,
      ]),
    );
    expect(left["own"]).toBeNull();
    for (const [name, expected] of [
      ["kept", 3_600_000],
      ["shorter", 60_000],
      ["longer", 3_600_000],
    ] as const) {
      expect(left[name]! - expected).toBeGreaterThanOrEqual(-5_000);
      expect(left[name]! - expected).toBeLessThan(60_000);
    }
  });

  test("what has expired by a topic's policy isn't shown and doesn't count", async () => {
    const user = await server.user();
    const topic = await server.topic(user);
    await server.ask("PATCH", `/v1/topics/${topic}`, { body: { keep: "1s" } });
    const id = fresh("n");
    expect((await send(topic, { id })).status).toBe(202);
    await eventually("the end of a notification", async () => {
      const { body } = await server.status(id, `topic:${topic}`);
      return body.state === "expired" || body.state === "gone" ? body : null;
    });
    await server.store(user.stream, ["own"]);
    using session = server.open("websocket", user);
    expect(await session.notifications(1)).toMatchObject([{ stream: user.stream }]);
    await session.next("caught-up");
    expect(session.all.filter(({ type }) => type === "notification")).toHaveLength(1);
    const unread = await server.ask("GET", "/v1/unread", { credential: user.token });
    expect(unread.body).toMatchObject({ total: 1, streams: { [user.stream]: 1 } });
  });

  test("a change of what is kept doesn't make the same notification another", async () => {
    const topic = await server.topic();
    const id = fresh("n");
    const { body } = await send(topic, { id });
    await server.ask("PATCH", `/v1/topics/${topic}`, { body: { keep: "1h" } });
    const again = (await send(topic, { id })).body as Accepted;
    expect(again.receipts).toEqual([
      { ...(body as Accepted).receipts[0], status: await server.says("duplicate") },
    ]);
  });

  test("grants one by one, in pages, and gone with the topic", async () => {
    const path = `/v1/topics/${await server.topic()}`;
    const ids = numbers(5)
      .map(() => fresh("user"))
      .sort();
    for (const id of ids.toReversed()) {
      expect((await server.ask("PUT", `${path}/grants/${id}`)).status).toBe(204);
    }
    const first = (await server.ask("GET", `${path}/grants?limit=3`)).body as {
      grants: { user: string }[];
      next: string;
    };
    expect(first.grants.map(({ user }) => user)).toEqual(ids.slice(0, 3));
    const rest = await server.ask("GET", `${path}/grants?limit=3&after=${first.next}`);
    expect(rest.body).toMatchObject({ grants: ids.slice(3).map((user) => ({ user })), next: null });
    const one = `${path}/grants/${ids[0]}`;
    expect(await server.ask("GET", one)).toMatchObject({ status: 200, body: { user: ids[0] } });
    expect((await server.ask("DELETE", one)).status).toBe(204);
    for (const method of ["GET", "DELETE"]) {
      expect(await server.ask(method, one)).toMatchObject({ status: 404, body: { code: "grant-not-found" } });
    }
    await server.ask("DELETE", path);
    expect(await server.ask("GET", `${path}/grants`)).toMatchObject({ body: { code: "topic-not-found" } });
    await server.ask("PUT", path);
    expect((await server.ask("GET", `${path}/grants`)).body).toEqual({ grants: [], next: null });
  });
}
