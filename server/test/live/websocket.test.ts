import { once } from "node:events";
import { type IncomingMessage, request } from "node:http";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { type ConnectOptions, connect, dataOf, refused } from "./client.ts";
import { raiseStage, tokenOf } from "./stage.ts";

describe("a WebSocket", () => {
  test("says hello, what was missed, that it is caught up, then what is new", async () => {
    const stage = await raiseStage();
    await stage.send("user:ada", "one", "two");
    const client = connect(stage.port);
    expect(await client.next("hello")).toMatchObject({ user: "ada", epoch: 1 });
    await client.next("caught-up");
    await stage.send("user:ada", "three");
    expect(await client.data(3)).toEqual(["one", "two", "three"]);
    expect(client.frames.map(({ type }) => type)).toEqual([
      "hello",
      "notification",
      "notification",
      "caught-up",
      "notification",
    ]);
    expect(
      client.frames.filter(({ type }) => type === "notification").map(({ seq, prev }) => [prev, seq]),
    ).toEqual([
      [0, 1],
      [1, 2],
      [2, 3],
    ]);
    expect(client.ws.protocol).toBe("carillon.v1");
    expect(client.ws.extensions).toBe("");
  });

  test("goes on behind its cursor, and gives one after each flush when asked", async () => {
    const stage = await raiseStage();
    await stage.send("user:ada", 1, 2, 3);
    const first = connect(stage.port, { query: "?cursors=true" });
    await first.data(3);
    let cursor: unknown;
    do ({ cursor } = await first.next("cursor"));
    while (first.frames.at(-1)?.["cursor"] !== cursor);
    first.ws.terminate();
    await stage.send("user:ada", 4);
    const again = connect(stage.port, { query: `?cursor=${cursor}` });
    await again.next("caught-up");
    expect(again.frames.filter(({ type }) => type === "notification").map(dataOf)).toEqual([4]);
  });

  test("takes its token from the first frame, and answers it", async () => {
    const stage = await raiseStage();
    await stage.send("user:bob", "hi");
    const client = connect(stage.port, { token: null });
    client.ws.on("open", () =>
      client.ws.send(JSON.stringify({ type: "auth", token: tokenOf("bob"), ref: 7 })),
    );
    expect(await client.data(1)).toEqual(["hi"]);
    expect(client.frames[0]).toEqual({ type: "reply", ref: 7, ok: true });
    expect(client.frames[1]).toMatchObject({ type: "hello", user: "bob" });
  });

  test("goes on after a pause, also with a buffer smaller than the socket's own", async () => {
    const stage = await raiseStage({ sessions: { bufferBytes: 16_384 } });
    const upgraded = once(stage.app.server, "upgrade") as Promise<[unknown, Socket]>;
    const client = connect(stage.port);
    await client.next("caught-up");
    const [, socket] = await upgraded;
    client.ws.pause();
    let sent = 0;
    const page = Array.from({ length: 40 }, () => "x".repeat(500));
    for (; socket.writableLength === 0; sent += page.length) await stage.send("user:ada", ...page);
    await stage.send("user:ada", ...page);
    client.ws.resume();
    await client.data(sent + page.length);
  });

  test("frames of every length arrive whole", async () => {
    const stage = await raiseStage();
    const texts = [10, 100, 126, 5_000, 60_000].map((length) => "é".repeat(length / 2));
    const client = connect(stage.port);
    await client.next("caught-up");
    await stage.send("user:ada", ...texts);
    expect(await client.data(texts.length)).toEqual(texts);
  });

  test("pings are answered, by frame and by the protocol", async () => {
    const stage = await raiseStage();
    const client = connect(stage.port);
    await client.next("hello");
    const pong = new Promise<string>((resolve) => client.ws.on("pong", (data) => resolve(String(data))));
    client.ws.ping("are you there");
    expect(await pong).toBe("are you there");
    client.ws.send('{"type":"ping","ref":1}');
    expect(await client.next("reply")).toEqual({ type: "reply", ref: 1, ok: true });
  });

  test("what is said before hello is answered after it", async () => {
    const stage = await raiseStage();
    const client = connect(stage.port);
    client.ws.on("open", () => client.ws.send('{"type":"ping","ref":1}'));
    expect(await client.next("reply")).toEqual({ type: "reply", ref: 1, ok: true });
    expect(client.frames[0]?.type).toBe("hello");

    const rude = connect(stage.port);
    rude.ws.on("open", () => rude.ws.send("{"));
    expect(await rude.closed).toMatchObject({ code: 3503 });
  });
});

describe("an upgrade is refused", () => {
  test("before it is one, with a problem", async () => {
    const stage = await raiseStage();
    for (const [options, status, code] of [
      [{ protocols: [] }, 400, "subprotocol-unsupported"],
      [{ protocols: ["graphql-ws"] }, 400, "subprotocol-unsupported"],
      [{ token: "forged" }, 401, "token-invalid"],
      [{ token: "expired" }, 401, "token-expired"],
      [{ token: "unavailable" }, 503, "unavailable"],
      [{ query: "?device=a%20b" }, 400, "parameter-invalid"],
      [{ query: "?device=a&device=b" }, 400, "parameter-invalid"],
      [{ query: "?cursors=maybe" }, 400, "parameter-invalid"],
      [{ origin: "https://elsewhere.example" }, 403, "origin-forbidden"],
    ] as const) {
      const { status: answered, body } = await refused(stage.port, options as ConnectOptions);
      expect({ options, answered, code: body["code"] }).toEqual({ options, answered: status, code });
    }
    expect(stage.sessions.count()).toBe(0);
  });

  test("and taken from an allowed page, and beside other subprotocols", async () => {
    const stage = await raiseStage();
    const client = connect(stage.port, {
      origin: "https://app.example",
      protocols: ["other", "carillon.v1"],
    });
    await client.next("hello");
    expect(client.ws.protocol).toBe("carillon.v1");
  });

  test("a plain request is told to upgrade", async () => {
    const stage = await raiseStage();
    const answer = await fetch(`http://127.0.0.1:${stage.port}/v1/live`);
    expect(answer.status).toBe(426);
    expect(await answer.json()).toMatchObject({ code: "upgrade-required" });
  });

  test("another kind of upgrade is a plain request", async () => {
    const stage = await raiseStage();
    const asked = request(`http://127.0.0.1:${stage.port}/v1/poll`, {
      headers: { connection: "Upgrade, HTTP2-Settings", upgrade: "h2c", "http2-settings": "AAMAAABkAAQ" },
    });
    asked.end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    answer.resume();
    expect(answer.statusCode).toBe(401);
  });
});
