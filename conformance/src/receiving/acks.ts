/** Section 6.6: acknowledgements, and receipts for the producer that asked for them. */
import { describe, expect, test } from "vitest";
import { eventually } from "../client/deadline.ts";
import { pollOnce } from "../client/poll.ts";
import { openWebSocket } from "../client/websocket.ts";
import { fresh, numbers, type Server, type User } from "../server.ts";

export function acks(server: Server): void {
  async function receivedBy(id: string, stream: string): Promise<readonly string[] | undefined> {
    const { body } = await server.status(id, stream);
    expect(body.received?.users).toHaveLength(body.received?.total ?? Number.NaN);
    return body.received?.users.map(({ user }) => user).sort();
  }

  const receivedInTheEnd = (id: string, stream: string, users: readonly User[]): Promise<true> =>
    eventually(`${users.length} have received it`, async () => {
      const told = await receivedBy(id, stream);
      return told?.length === users.length &&
        told.join() ===
          users
            .map((user) => user.id)
            .sort()
            .join()
        ? true
        : null;
    });

  async function withReceipt(stream: string): Promise<string> {
    const id = fresh("n");
    await server.store(stream, [1], { id, receipt: true });
    return id;
  }

  const ask = (user: User, body: object) => server.ask("POST", "/v1/ack", { credential: user.token, body });

  test("an ack over WebSocket is a receipt", async () => {
    const user = await server.user();
    const id = await withReceipt(user.stream);
    expect(await receivedBy(id, user.stream)).toEqual([]);
    using session = openWebSocket(server.url, user);
    await session.notifications(1);
    expect(await session.ask({ type: "ack", stream: user.stream, seq: 1 })).toMatchObject({ ok: true });
    await receivedInTheEnd(id, user.stream, [user]);
  });

  test("so is one over a request, and the cursor with which a client comes back", async () => {
    const [asking, polling] = [await server.user(), await server.user()];
    const topic = await server.topic(asking, polling);
    const stream = `topic:${topic}`;
    const id = await withReceipt(stream);
    expect((await ask(asking, { stream, seq: 1 })).status).toBe(204);
    await receivedInTheEnd(id, stream, [asking]);
    const { body } = await pollOnce(server.url, polling, 0);
    expect(await receivedBy(id, stream)).toEqual([asking.id]);
    await pollOnce(server.url, { ...polling, cursor: body.cursor }, 0);
    await receivedInTheEnd(id, stream, [asking, polling]);
  });

  test("it is cumulative", async () => {
    const user = await server.user();
    const ids = [await withReceipt(user.stream), await withReceipt(user.stream)];
    await ask(user, { stream: user.stream, seq: 2 });
    for (const id of ids) await receivedInTheEnd(id, user.stream, [user]);
  });

  test("without a receipt asked for, nothing is told", async () => {
    const user = await server.user();
    const id = fresh("n");
    await server.store(user.stream, [1], { id });
    await ask(user, { stream: user.stream, seq: 1 });
    expect((await server.status(id, user.stream)).body).not.toHaveProperty("received");
  });

  describe("refused", () => {
    test("over WebSocket: beyond what was sent, and of streams that aren't followed", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(3));
      using session = openWebSocket(server.url, user);
      await session.notifications(3);
      for (const [stream, seq, code] of [
        [user.stream, 4, "not-sent"],
        [`user:${fresh()}`, 1, "not-followed"],
        [`topic:${fresh()}`, 0, "not-followed"],
      ] as const) {
        const reply = await session.ask({ type: "ack", stream, seq });
        expect(reply).toMatchObject({ ok: false, error: { code, detail: expect.any(String) } });
      }
      expect(await session.ask({ type: "ack", stream: user.stream, seq: 0 })).toMatchObject({ ok: true });
    });

    test("over a request", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(3));
      for (const [body, status, code] of [
        [{ stream: user.stream, seq: 4 }, 409, "not-sent"],
        [{ stream: `user:${fresh()}`, seq: 1 }, 409, "not-followed"],
        [{ stream: `topic:${fresh()}`, seq: 0 }, 409, "not-followed"],
        [{ stream: user.stream }, 400, "body-invalid"],
        [{ stream: user.stream, seq: -1 }, 400, "body-invalid"],
        [{ stream: user.stream, seq: 1.5 }, 400, "body-invalid"],
        [{ stream: "nobody", seq: 1 }, 400, "body-invalid"],
        [{ stream: user.stream, seq: 1, sequence: 1 }, 400, "body-invalid"],
      ] as const) {
        expect(await ask(user, body), JSON.stringify(body)).toMatchObject({ status, body: { code } });
      }
    });
  });
}
