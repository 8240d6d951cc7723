/** Section 6.1: what is particular to each transport. */
import type { Problem } from "@carillon/protocol/problems";
import { describe, expect, test } from "vitest";
import { pollOnce } from "../client/poll.ts";
import { openSse } from "../client/sse.ts";
import { openWebSocket, refusedWebSocket } from "../client/websocket.ts";
import { numbers, type Server } from "../server.ts";

export function particulars(server: Server): void {
  describe("WebSocket", () => {
    test("the token may come in the first frame; its reply comes before hello", async () => {
      const user = await server.user();
      using session = openWebSocket(server.url, { ...user, says: "nothing" });
      session.say({ type: "auth", ref: 9, token: user.token });
      await session.next("hello");
      expect(session.all.map(({ type }) => type).slice(0, 2)).toEqual(["reply", "hello"]);
      expect(session.all[0]).toEqual({ type: "reply", ref: 9, ok: true });
    });

    test("without cursors=true there is no cursor frame; with it one follows what was sent", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(3));
      using plain = openWebSocket(server.url, user);
      await plain.next("caught-up");
      await server.store(user.stream, [4]);
      await plain.notifications(4);
      expect((await plain.ask({ type: "ping" })).ok).toBe(true);
      expect(plain.all.map(({ type }) => type)).not.toContain("cursor");

      const session = openWebSocket(server.url, { ...user, cursors: true });
      await session.notifications(4);
      await session.next("cursor");
      session[Symbol.dispose]();
      await server.store(user.stream, [5]);
      using again = openWebSocket(server.url, { ...user, cursor: session.cursor()!, places: session.places });
      expect((await again.notifications(1))[0]?.event["data"]).toBe(5);
    });

    test("carillon.v1 must be among the subprotocols that are offered", async () => {
      const { token } = await server.user();
      const headers = { authorization: `Bearer ${token}` };
      for (const protocols of [[], ["carillon.v2"], ["chat", "Carillon.V1"]]) {
        const { status, mediaType, body } = await refusedWebSocket(server.url, { protocols, headers });
        expect(status).toBe(400);
        expect(mediaType).toBe("application/problem+json");
        expect((body as Problem).code).toBe("subprotocol-unsupported");
      }
    });

    test("a plain request is told to upgrade", async () => {
      const { status, headers, body } = await server.ask("GET", "/v1/live");
      expect({ status, body }).toMatchObject({ status: 426, body: { code: "upgrade-required" } });
      expect(headers.get("upgrade")).toBe("websocket");
    });

    test("a parameter that is none is refused", async () => {
      const { token } = await server.user();
      const headers = { authorization: `Bearer ${token}` };
      for (const query of ["?cursors=yes", "?device=a%20b", `?device=${"d".repeat(65)}`]) {
        const { status, body } = await refusedWebSocket(server.url, { query, headers });
        expect({ status, body }).toMatchObject({ status: 400, body: { code: "parameter-invalid" } });
      }
    });
  });

  describe("Server-Sent Events", () => {
    test("an event stream that nobody keeps, with a time to wait before coming back", async () => {
      const { token } = await server.user();
      const leaving = new AbortController();
      const response = await fetch(`${server.url}/v1/events`, {
        headers: { authorization: `Bearer ${token}` },
        signal: leaving.signal,
      });
      expect(response.status).toBe(200);
      expect(response.headers.get("content-type")).toMatch(/^text\/event-stream\b/);
      expect(response.headers.get("cache-control")).toContain("no-store");
      expect(response.headers.get("x-request-id")).toBeTruthy();
      leaving.abort();
    });

    test("each flush ends with an id, the cursor after it; retry says how long to wait", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(3));
      using session = openSse(server.url, user);
      await session.next("caught-up");
      await server.store(user.stream, [4]);
      await session.notifications(4);
      expect(session.retryMs()).toBeGreaterThan(0);
      // The id follows in the same flush; a later heartbeat or notification has passed it for certain.
      await server.store(user.stream, [5]);
      await session.notifications(1);
      using again = openSse(server.url, { ...user, lastEventId: session.cursor()! });
      const { cursor } = await again.next("hello");
      expect(cursor.length).toBeGreaterThan(0);
      await server.store(user.stream, [6]);
      const frames = [];
      do frames.push(...(await again.notifications(1)));
      while (frames.at(-1)?.seq !== 6);
      expect(frames[0]?.seq).toBeGreaterThan(4);
    });
  });

  describe("long polling", () => {
    test("wait=0 is answered at once, with nothing but the cursor", async () => {
      const user = await server.user();
      const { status, body } = await pollOnce(server.url, user, 0);
      expect(status).toBe(200);
      expect(body).toEqual({ cursor: expect.stringMatching(/^[\w-]+$/), frames: [] });
    });

    test("what was missed is answered at once, and the next poll has what is new", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(3));
      const { body } = await pollOnce(server.url, user, 30);
      expect(
        body.frames.map((frame) => "event" in frame && (frame.event as { data?: unknown }).data),
      ).toEqual(numbers(3));
      const waiting = pollOnce(server.url, { ...user, cursor: body.cursor }, 30);
      await server.store(user.stream, [4]);
      expect((await waiting).body.frames).toMatchObject([{ seq: 4, prev: 3, event: { data: 4 } }]);
    });

    test("the same poll again has the same answer: the state is the cursor", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(5));
      const [first, second] = [await pollOnce(server.url, user, 0), await pollOnce(server.url, user, 0)];
      expect(second.body).toEqual(first.body);
      const none = { ...user, cursor: first.body.cursor };
      expect((await pollOnce(server.url, none, 0)).body.frames).toEqual([]);
    });

    test("much is answered in parts, each with the cursor for the next", async () => {
      const user = await server.user();
      await server.store(user.stream, numbers(900));
      const seqs: unknown[] = [];
      let polls = 0;
      for (let cursor: string | undefined; seqs.length < 900; polls++) {
        const { body } = await pollOnce(server.url, { ...user, ...(cursor && { cursor }) }, 0);
        expect(body.frames.length).toBeGreaterThan(0);
        expect(body.frames.length).toBeLessThan(600);
        seqs.push(...body.frames.map((frame) => "seq" in frame && frame.seq));
        cursor = body.cursor;
      }
      expect(seqs).toEqual(numbers(900));
      expect(polls).toBeGreaterThan(1);
    });

    test("a wait that is none is refused; one that is too long is cut", async () => {
      const user = await server.user();
      for (const wait of ["-1", "soon", ""]) {
        const answer = await server.ask("GET", `/v1/poll?wait=${wait}`, { credential: user.token });
        expect(answer, wait).toMatchObject({
          status: 400,
          body: { code: "parameter-invalid", errors: [{ parameter: "wait" }] },
        });
      }
      await server.store(user.stream, [1]);
      const { body } = await pollOnce(server.url, user, 100_000, { timeoutMs: 15_000 });
      expect(body.frames).toHaveLength(1);
    });
  });
}
