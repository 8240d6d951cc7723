/** Sections 4.1, 4.3 and 4.4: what a producer is answered. */
import type { Accepted, Batch } from "@carillon/protocol/answers";
import type { Problem } from "@carillon/protocol/problems";
import { describe, expect, test } from "vitest";
import { faultOfProblem } from "../client/request.ts";
import { received } from "../received.ts";
import { fresh, numbers, type Server, source } from "../server.ts";
import { expectConflict } from "./conflict.ts";

const one = (to: unknown, more: object = {}) => ({ to, source, id: fresh("n"), type: "test", ...more });

export function answers(server: Server): void {
  test("one notification: 202 with its id, its source and a receipt", async () => {
    const user = await server.user();
    const { status, headers, body } = await server.send(one(user.stream, { id: "o-17", data: { a: 1 } }));
    expect(status).toBe(202);
    expect(headers.get("content-type")).toMatch(/^application\/json\b/);
    const receipts = [{ to: user.stream, status: await server.says("stored"), seq: 1 }];
    expect(body).toEqual({ id: "o-17", source, receipts });
  });

  test("invariant 5: the same again is a duplicate, whatever the order of its keys; nothing changes", async () => {
    const user = await server.user();
    const first = one(user.stream, { data: { a: 1, b: [1, 2] }, silent: true });
    await server.send(first);
    const duplicate = { status: await server.says("duplicate"), seq: 1 };
    const again = Object.fromEntries(Object.entries(first).reverse());
    for (const body of [first, again, { ...again, data: { b: [1, 2], a: 1 } }]) {
      const answer = await server.send(body);
      expect(answer.status).toBe(202);
      expect(answer.body).toMatchObject({ receipts: [{ to: user.stream, ...duplicate }] });
    }
    const attributes = {
      specversion: "1.0",
      id: first.id,
      source,
      type: "test",
      to: user.stream,
      silent: "true",
    };
    const headers = Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]);
    const binary = await server.send('{"b":[1,2],"a":1}', {
      ...Object.fromEntries(headers),
      "content-type": "application/json; charset=utf-8",
    });
    expect(binary.body).toMatchObject({ receipts: [duplicate] });
    const structured = { ...first, specversion: "1.0" };
    const answer = await server.send(structured, { "content-type": "application/cloudevents+json" });
    expect(answer.body).toMatchObject({ receipts: [duplicate] });
    await server.store(user.stream, ["next"]);
    expect((await received(server, user, 2)).map(({ seq }) => seq)).toEqual([1, 2]);
  });

  test("invariant 5: other content under the same name is a conflict, and never replaces it", async () => {
    const user = await server.user();
    const first = one(user.stream, { data: "first" });
    await server.send(first);
    for (const other of [{ data: "second" }, { type: "other" }, { silent: true }, { subject: "s" }]) {
      await expectConflict(server, user.stream, { ...first, ...other });
    }
    await server.store(user.stream, ["after"]);
    const kept = await received(server, user, 2);
    expect(kept.map(({ event }) => event["data"])).toEqual(["first", "after"]);
  });

  test("to, traceparent and tracestate are not content; a time is where it was given", async () => {
    const [user, other] = [await server.user(), await server.user()];
    const first = one(user.stream);
    await server.send(first);
    const traced = {
      ...first,
      to: [other.stream, user.stream],
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      tracestate: "a=b",
    };
    const { status, body } = await server.send(traced);
    expect(status).toBe(202);
    expect((body as Accepted).receipts).toEqual([
      { to: other.stream, status: await server.says("stored"), seq: 1 },
      { to: user.stream, status: await server.says("duplicate"), seq: 1 },
    ]);
    await expectConflict(server, user.stream, { ...first, time: "2026-01-01T00:00:00Z" });
  });

  test("(stream, source, id) is the name: another source or another stream is another notification", async () => {
    const [user, other] = [await server.user(), await server.user()];
    const first = one(user.stream, { data: 1 });
    const stored = await server.says("stored");
    await server.send(first);
    for (const body of [
      { ...first, source: "/elsewhere", data: 2 },
      { ...first, to: other.stream, data: 3 },
    ]) {
      expect((await server.send(body)).body).toMatchObject({ receipts: [{ status: stored }] });
    }
  });

  test("of many that send the same at once, one stores it", async () => {
    const user = await server.user();
    const body = one(user.stream, { data: "race" });
    const all = await Promise.all(numbers(10).map(() => server.send(body)));
    const statuses = all.map((answer) => (answer.body as Accepted).receipts[0]!);
    expect(statuses.map(({ seq }) => seq)).toEqual(numbers(10).map(() => 1));
    if (!(await server.answersEarly())) {
      expect(statuses.filter(({ status }) => status === "stored")).toHaveLength(1);
      expect(statuses.filter(({ status }) => status === "duplicate")).toHaveLength(9);
    }
    await server.store(user.stream, ["after"]);
    const kept = await received(server, user, 2);
    expect(kept.map(({ event }) => event["data"])).toEqual(["race", "after"]);
  });

  describe("several recipients", () => {
    test("one receipt each, in the order of to; a stream named twice counts once", async () => {
      const users = await Promise.all(numbers(5).map(() => server.user()));
      const topic = await server.topic();
      const to = [...users.map(({ stream }) => stream), `topic:${topic}`];
      const { status, body } = await server.send(one([...to, to[0], to[5]], { data: "all" }));
      expect(status).toBe(202);
      const stored = await server.says("stored");
      expect((body as Accepted).receipts).toEqual(
        to.map((stream) => ({ to: stream, status: stored, seq: 1 })),
      );
      for (const user of users) {
        const [frame] = await received(server, user, 1);
        expect(frame?.event["data"]).toBe("all");
      }
    });

    test("a topic that isn't there is refused, and the others have it", async () => {
      const user = await server.user();
      const gone = `topic:${fresh()}`;
      const { status, body } = await server.send(one([gone, user.stream]));
      expect(status).toBe(404);
      expect(body).toMatchObject({ code: "topic-not-found", source });
      const [refused, stored] = (body as Accepted).receipts;
      expect(refused).toMatchObject({ to: gone, status: "refused", error: { code: "topic-not-found" } });
      expect(stored).toEqual({ to: user.stream, status: await server.says("stored"), seq: 1 });
    });
  });

  describe("many at once", () => {
    test("202 with a result for each, in their order", async () => {
      const user = await server.user();
      const items = numbers(20).map((data) => one(user.stream, { data }));
      const { status, body } = await server.send(items);
      expect(status).toBe(202);
      const stored = await server.says("stored");
      const results = items.map(({ id }, at) => ({
        id,
        source,
        receipts: [{ to: user.stream, status: stored, seq: at + 1 }],
      }));
      expect(body).toEqual({ results });
    });

    test("207 when some were refused, and each result says what became of it", async () => {
      const user = await server.user();
      const first = one(user.stream, { data: 1 });
      const gone = `topic:${fresh()}`;
      const { status, body } = await server.send([
        first,
        first,
        { ...first, data: 2 },
        one(gone),
        { ...one(user.stream), to: "nobody" },
        "no object",
        one(user.stream, { data: 3 }),
      ]);
      expect(status).toBe(207);
      const { results } = body as Batch;
      const stored = await server.says("stored");
      const conflict = { receipts: [{ status: "conflict", seq: 1 }], error: { code: "conflict" } };
      expect(results).toMatchObject([
        { id: first.id, source, receipts: [{ status: stored, seq: 1 }] },
        { id: first.id, source, receipts: [{ status: await server.says("duplicate"), seq: 1 }] },
        (await server.answersEarly()) ? { receipts: [{ status: stored, seq: 1 }] } : conflict,
        { receipts: [{ to: gone, status: "refused" }], error: { code: "topic-not-found" } },
        { status: "refused", error: { code: "body-invalid", errors: [{ pointer: "/to" }] } },
        { status: "refused", error: { code: "body-invalid", errors: [{ pointer: "" }] } },
        { receipts: [{ status: stored, seq: 2 }] },
      ]);
      for (const result of results) {
        if ("error" in result) expect(faultOfProblem(result.error)).toBeNull();
      }
    });

    test("a batch of nothing but refused ones is still answered one by one", async () => {
      const { status, body } = await server.send([{ to: "user:1" }]);
      expect(status).toBe(207);
      expect(body).toMatchObject({ results: [{ status: "refused", error: { status: 400 } }] });
    });

    test("an empty batch is answered with no results", async () => {
      expect(await server.send([])).toMatchObject({ status: 202, body: { results: [] } });
    });
  });

  describe("without an id", () => {
    test("the server gives a UUIDv7, another each time", async () => {
      const user = await server.user();
      const { id: _, ...nameless } = one(user.stream);
      const ids = [];
      for (let at = 0; at < 2; at++) ids.push(((await server.send(nameless)).body as Accepted).id);
      for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
      expect(ids[0]).not.toBe(ids[1]);
    });

    test("the Idempotency-Key is the id, quoted or not; in a batch with the item's index", async () => {
      const user = await server.user();
      const { id: _, ...nameless } = one(user.stream);
      const key = fresh("key");
      for (const [given, outcome] of [
        [key, "stored"],
        [key, "duplicate"],
        [`"${key}"`, "duplicate"],
      ] as const) {
        const { body } = await server.send(nameless, { "idempotency-key": given });
        expect(body).toMatchObject({ id: key, receipts: [{ status: await server.says(outcome), seq: 1 }] });
      }
      const { body } = await server.send([nameless, nameless], { "idempotency-key": key });
      expect((body as { results: Accepted[] }).results.map(({ id }) => id)).toEqual([`${key}/0`, `${key}/1`]);
    });

    test("an id wins over the Idempotency-Key", async () => {
      const user = await server.user();
      const body = one(user.stream);
      const answer = await server.send(body, { "idempotency-key": fresh() });
      expect((answer.body as Accepted).id).toBe(body.id);
    });

    test("an Idempotency-Key that is none is refused", async () => {
      const user = await server.user();
      for (const key of [" ", "a b", "k".repeat(201)]) {
        const { status, body } = await server.send(one(user.stream), { "idempotency-key": key });
        expect(status).toBe(400);
        expect((body as Problem).code).toBe("idempotency-key-invalid");
      }
    });
  });
}
