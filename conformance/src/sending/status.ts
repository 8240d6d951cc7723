/** Section 4.5: where a notification is, and taking it back. */
import type { Receipt } from "@carillon/protocol/receipt";
import { describe, expect, test } from "vitest";
import { eventually } from "../client/deadline.ts";
import { transports } from "../client/session.ts";
import { received } from "../received.ts";
import { fresh, numbers, type Server, source, type User } from "../server.ts";

export function status(server: Server): void {
  async function send(user: User, more: object = {}): Promise<{ id: string; receipt: Receipt }> {
    const id = fresh("n");
    const [receipt] = await server.store(user.stream, [1], { id, ...more });
    return { id, receipt: receipt! };
  }

  test("stored: its place and when", async () => {
    const user = await server.user();
    const { id } = await send(user);
    const answer = await server.status(id, user.stream);
    expect(answer.status).toBe(200);
    expect(answer.body).toEqual({
      id,
      source,
      to: user.stream,
      seq: 1,
      state: "stored",
      stored: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
    });
    expect(Math.abs(Date.parse(answer.body.stored) - Date.now())).toBeLessThan(60_000);
  });

  test("an id of any characters is percent-encoded in the path", async () => {
    const user = await server.user();
    for (const id of ["a/b", "a b", "ü☃", "a..", "a?b#c", "%41", "+"]) {
      await send(user, { id });
      expect((await server.status(id, user.stream)).body).toMatchObject({ id, state: "stored" });
    }
  });

  test("what was never sent, or not to that stream, is not found", async () => {
    const [user, other] = [await server.user(), await server.user()];
    const { id } = await send(user);
    for (const [name, stream] of [
      [fresh(), user.stream],
      [id, other.stream],
      [id, `topic:${fresh()}`],
    ] as const) {
      expect(await server.status(name, stream)).toMatchObject({
        status: 404,
        body: { code: "notification-not-found" },
      });
      expect(await server.takeBack(name, stream)).toMatchObject({
        status: 404,
        body: { code: "notification-not-found" },
      });
    }
  });

  test("a question without source or to is refused, and says which is missing", async () => {
    for (const [query, parameter] of [
      ["to=user:1", "source"],
      ["source=/a", "to"],
      ["source=/a&to=nobody", "to"],
    ] as const) {
      const { status, body } = await server.ask("GET", `/v1/notifications/a?${query}`);
      expect(status).toBe(400);
      expect(body).toMatchObject({ code: "parameter-invalid", errors: [{ parameter }] });
    }
  });

  test("expired: it keeps its place and is not shown any more", async () => {
    const user = await server.user();
    const expires = new Date(Date.now() - 60_000).toISOString();
    const { id } = await send(user, { expires });
    expect((await server.status(id, user.stream)).body).toMatchObject({ seq: 1, state: "expired", expires });
    const { id: soon } = await send(user, { expires: "1s" });
    const body = await eventually("the second has expired", async () => {
      const { body } = await server.status(soon, user.stream);
      return body.state === "expired" ? body : null;
    });
    expect(Date.parse(body.expires!) - Date.parse(body.stored)).toBeLessThanOrEqual(1_000);
    await server.store(user.stream, ["kept"]);
    expect(await received(server, user, 1)).toMatchObject([{ seq: 3, prev: 0, event: { data: "kept" } }]);
  });

  test("collapsed: the newer one takes the place of the older", async () => {
    const [user, other] = [await server.user(), await server.user()];
    const ids = [];
    for (const collapseKey of ["a", "b", "a"]) ids.push((await send(user, { collapseKey })).id);
    await server.store(other.stream, [1], { collapseKey: "a" });
    const states = await Promise.all(
      ids.map(async (id) => (await server.status(id, user.stream)).body.state),
    );
    expect(states).toEqual(["gone", "stored", "stored"]);
    const frames = await received(server, user, 2);
    expect(frames.map(({ seq, prev }) => [prev, seq])).toEqual([
      [0, 2],
      [2, 3],
    ]);
    expect(frames[1]?.event["collapsekey"]).toBe("a");
  });

  describe("taken back", () => {
    test("204, and the same again; then it is gone, and the same id is still known", async () => {
      const user = await server.user();
      const { id } = await send(user);
      for (let at = 0; at < 2; at++) expect((await server.takeBack(id, user.stream)).status).toBe(204);
      expect((await server.status(id, user.stream)).body).toMatchObject({ seq: 1, state: "gone" });
      const again = await server.send({ to: user.stream, source, id, type: "test", data: 1 });
      expect(again.body).toMatchObject({ receipts: [{ status: await server.says("duplicate"), seq: 1 }] });
    });

    test.each(transports)("it isn't shown over %s, and its place stays empty", async (transport) => {
      const user = await server.user();
      const { id } = await send(user);
      await server.store(user.stream, numbers(3));
      await server.takeBack(id, user.stream);
      using session = server.open(transport, user);
      const frames = await session.notifications(3);
      expect(frames.map(({ seq, prev }) => [prev, seq])).toEqual([
        [0, 2],
        [2, 3],
        [3, 4],
      ]);
    });

    test("for one recipient only", async () => {
      const [user, other] = [await server.user(), await server.user()];
      const id = fresh("n");
      await server.send({ to: [user.stream, other.stream], source, id, type: "test", data: 1 });
      await server.takeBack(id, user.stream);
      expect((await server.status(id, user.stream)).body.state).toBe("gone");
      expect((await server.status(id, other.stream)).body.state).toBe("stored");
      expect(await received(server, other, 1)).toHaveLength(1);
    });
  });
}
