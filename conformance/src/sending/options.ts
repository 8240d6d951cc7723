/** Section 4.1: silent, ephemeral and expires, as their receivers see them. */
import { describe, expect, test } from "vitest";
import { eventually } from "../client/deadline.ts";
import { transports } from "../client/session.ts";
import { onlyEvent, received } from "../received.ts";
import { fresh, numbers, type Server, source } from "../server.ts";
import { expectConflict } from "./conflict.ts";

const traceparent = (digit: string) => `00-${digit.repeat(32)}-${digit.repeat(16)}-00`;

export function options(server: Server): void {
  test("silent, receipt, expirytime and collapsekey are there only where they were given", async () => {
    const user = await server.user();
    await server.store(user.stream, [1], { silent: false, receipt: false });
    const event = await onlyEvent(server, user);
    for (const name of ["silent", "receipt", "ephemeral", "expirytime", "collapsekey"]) {
      expect(event).not.toHaveProperty(name);
    }
  });

  test("a duration to expire is told as a time", async () => {
    const user = await server.user();
    await server.store(user.stream, [1], { expires: "2h" });
    const { expirytime } = await onlyEvent(server, user);
    const hours = (Date.parse(expirytime as string) - Date.now()) / 3_600_000;
    expect(hours).toBeGreaterThan(1.9);
    expect(hours).toBeLessThan(2.1);
  });

  test("invariant 5: a duration counts as it was written, so the same again is a duplicate", async () => {
    const user = await server.user();
    const body = { to: user.stream, source, id: fresh("n"), type: "test", expires: "10m" };
    await server.send(body);
    expect((await server.send(body)).body).toMatchObject({
      receipts: [{ status: await server.says("duplicate"), seq: 1 }],
    });
    await expectConflict(server, user.stream, { ...body, expires: "11m" });
  });

  test("the trace context is the notification's own, else that of the request", async () => {
    const user = await server.user();
    const [own, other] = [traceparent("a"), traceparent("b")];
    const bare = () => ({ to: user.stream, source, id: fresh("n"), type: "test" });
    const headers = { traceparent: other, tracestate: "shop=1" };
    await server.send(bare(), headers);
    await server.send({ ...bare(), traceparent: own }, headers);
    await server.send([bare(), { ...bare(), traceparent: own }], headers);
    await server.send(bare(), { traceparent: "00-not-one" });
    const events = (await received(server, user, 5)).map(({ event }) => event);
    expect(events.slice(0, 4).map((event) => [event["traceparent"], event["tracestate"]])).toEqual([
      [other, "shop=1"],
      [own, undefined],
      [other, "shop=1"],
      [own, undefined],
    ]);
    // A server that is traced itself begins one.
    expect(events[4]?.["traceparent"]).not.toBe("00-not-one");
  });

  describe("ephemeral", () => {
    const typing = (to: string) => ({ to, source, id: fresh("n"), type: "typing", ephemeral: true });

    test("is answered as accepted and not durable, and has no status", async () => {
      const user = await server.user();
      const body = typing(user.stream);
      const answer = await server.send(body);
      expect(answer.status).toBe(202);
      expect(answer.body).toMatchObject({
        receipts: [{ to: user.stream, status: "accepted", durable: false }],
      });
      expect(answer.body).not.toHaveProperty("receipts.0.seq");
      expect((await server.status(body.id, user.stream)).status).toBe(404);
    });

    test("is kept for nobody", async () => {
      const user = await server.user();
      await server.send(typing(user.stream));
      await server.store(user.stream, ["kept"]);
      expect(await received(server, user, 1)).toMatchObject([{ seq: 1, prev: 0, event: { data: "kept" } }]);
    });

    test.each(transports)("reaches who is there over %s, outside the order", async (transport) => {
      const user = await server.user();
      await server.store(user.stream, numbers(2));
      using session = server.open(transport, user);
      await session.notifications(2);
      // Those who are here now: a poll may just be between two answers, so it is said until it is heard.
      const heard = session.notifications(1);
      let arrived = false;
      void heard.then(() => {
        arrived = true;
      });
      await eventually("it has arrived", async () => {
        await server.send(typing(user.stream));
        return arrived || null;
      });
      const [frame] = await heard;
      expect(frame).toMatchObject({ stream: user.stream, event: { type: "typing", source } });
      expect(frame).not.toHaveProperty("seq");
      expect(frame).not.toHaveProperty("prev");
      await server.store(user.stream, [3]);
      await eventually("the next stored one", async () => {
        const [next] = await session.notifications(1);
        return next?.seq === 3 && next.prev === 2 ? next : null;
      });
    });
  });
}
