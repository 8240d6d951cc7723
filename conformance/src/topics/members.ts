/** Section 4.6: to some members of a topic. */
import { expect, test } from "vitest";
import { fresh, type Server, source } from "../server.ts";

export function members(server: Server): void {
  test("it is in their own streams, marked with the topic, and in nobody else's", async () => {
    const [one, two, other] = [await server.user(), await server.user(), await server.user()];
    const topic = await server.topic(one, two);
    const { status, body } = await server.send({
      to: [one.stream, other.stream],
      topic,
      source,
      id: fresh("n"),
      type: "test",
      data: "for one",
    });
    expect(status).toBe(404);
    expect(body).toMatchObject({
      code: "subscriber-not-found",
      receipts: [
        { to: one.stream, status: await server.says("stored") },
        { to: other.stream, status: "refused", error: { code: "subscriber-not-found" } },
      ],
    });
    for (const user of [two, other]) await server.store(user.stream, ["own"]);
    using session = server.open("sse", one);
    expect(await session.notifications(1)).toMatchObject([
      { stream: one.stream, event: { topic, data: "for one" } },
    ]);
    for (const user of [two, other]) {
      using empty = server.open("poll", user);
      expect(await empty.notifications(1)).toMatchObject([{ event: { data: "own" } }]);
    }
    await server.store(`topic:${topic}`, ["all"]);
    expect(await session.notifications(1)).toMatchObject([{ stream: `topic:${topic}`, prev: 0 }]);
  });

  test("who doesn't follow it any more is no member", async () => {
    const user = await server.user();
    const topic = await server.topic(user);
    await server.unsubscribe(topic, user);
    const answer = await server.send({ to: user.stream, topic, source, id: fresh("n"), type: "test" });
    expect(answer).toMatchObject({ status: 404, body: { code: "subscriber-not-found" } });
  });

  test("a CloudEvent says it by an extension attribute", async () => {
    const user = await server.user();
    const topic = await server.topic(user);
    const event = { specversion: "1.0", id: fresh("n"), source, type: "test", to: user.stream, topic };
    const headers = { "content-type": "application/cloudevents+json" };
    expect((await server.send(event, headers)).status).toBe(202);
    using session = server.open("poll", user);
    expect(await session.notifications(1)).toMatchObject([{ event: { topic } }]);
  });

  test.each([
    ["a topic among the recipients", { to: ["user:a", "topic:b"], topic: "b" }, 400, "body-invalid"],
    ["a topic that is no name", { to: "user:a", topic: "topic:b" }, 400, "body-invalid"],
    ["a topic that doesn't exist", { to: "user:a", topic: fresh("topic") }, 404, "topic-not-found"],
  ])("%s is refused", async (_, more, status, code) => {
    const answer = await server.send({ source, id: fresh("n"), type: "test", ...more });
    expect(answer).toMatchObject({ status, body: { code } });
  });
}
