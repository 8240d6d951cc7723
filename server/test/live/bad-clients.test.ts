import { once } from "node:events";
import { connect as openSocket, type Socket } from "node:net";
import { closeCodes } from "@carillon/protocol/close-codes";
import { encodeCursor, tagOf } from "@carillon/protocol/cursor";
import { describe, expect, test } from "vitest";
import { connect, refused } from "./client.ts";
import { connectRaw } from "./raw.ts";
import { makeFastClock, raiseStage, type Stage, tokenOf } from "./stage.ts";

const text = 1;
const ping = 9;
const code = (name: keyof typeof closeCodes): number => closeCodes[name].code;
const nobodyLeft = async (stage: Stage): Promise<void> => {
  while (stage.sessions.count() > 0) await new Promise((resolve) => setImmediate(resolve));
};
const large = "x".repeat(60_000);
const floodMegabytes = async (stage: Stage, count: number): Promise<void> => {
  for (let at = 0; at < count; at++) await stage.send("user:ada", ...Array.from({ length: 17 }, () => large));
};
const openEvents = async (stage: Stage): Promise<Socket> => {
  const socket = openSocket({ port: stage.port, host: "127.0.0.1" });
  socket.on("error", () => {});
  socket.write(`GET /v1/events HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${tokenOf("ada")}\r\n\r\n`);
  await once(socket, "data");
  return socket;
};

describe("what isn't a frame of the protocol closes the session", () => {
  test("not JSON, of no known type, or binary", async () => {
    const stage = await raiseStage();
    for (const [opcode, payload] of [
      [text, "{"],
      [text, '{"type":"shout"}'],
      [2, '{"type":"ping"}'],
    ] as const) {
      const client = await connectRaw(stage.port);
      client.send(opcode, payload);
      expect(await client.closed).toBe(code("frame-invalid"));
    }
    expect(stage.closed).toEqual(["frame-invalid", "frame-invalid", "frame-invalid"]);
    await nobodyLeft(stage);
  });

  test("invalid UTF-8: 1007, as RFC 6455 has it", async () => {
    const stage = await raiseStage();
    const client = await connectRaw(stage.port);
    client.send(text, Buffer.from([0x22, 0xff, 0xfe, 0x22]));
    expect(await client.closed).toBe(1007);
    await nobodyLeft(stage);
  });

  test("its session ends at once, whenever the client answers the close", async () => {
    const stage = await raiseStage({ limits: { closeMs: 60_000 } });
    const client = await connectRaw(stage.port);
    client.send(text, Buffer.from([0xff]));
    await nobodyLeft(stage);
    expect(client.socket.destroyed).toBe(false);
    client.socket.end();
    await client.closed;
  });

  test("a frame that isn't masked: 1002", async () => {
    const stage = await raiseStage();
    const client = await connectRaw(stage.port);
    client.socket.write(Buffer.from([0x81, 2, 0x7b, 0x7d]));
    expect(await client.closed).toBe(1002);
    await nobodyLeft(stage);
  });

  test("a frame of 100 MB is refused by its first bytes", async () => {
    const stage = await raiseStage();
    const client = await connectRaw(stage.port);
    client.send(text, "x".repeat(1_000), 100 * 1024 * 1024);
    expect(await client.closed).toBe(code("frame-too-large"));
    expect(stage.closed).toEqual(["frame-too-large"]);
    await nobodyLeft(stage);
  });

  test("one just within the bound is read, one beyond it isn't", async () => {
    const stage = await raiseStage({ limits: { frameBytes: 200 } });
    const client = connect(stage.port);
    await client.next("hello");
    const padded = (length: number): string => `{"type":"ping","ref":1}`.padEnd(length);
    client.ws.send(padded(200));
    await client.next("reply");
    client.ws.send(padded(201));
    expect((await client.closed).code).toBe(code("frame-too-large"));
  });
});

describe("too much", () => {
  test.each([
    ["frames", text, '{"type":"ping"}'],
    ["pings", ping, ""],
  ] as const)("a flood of %s", async (_, opcode, payload) => {
    const stage = await raiseStage({ limits: { framesPerSecond: 10 } });
    const client = await connectRaw(stage.port);
    for (let at = 0; at < 1_000; at++) client.send(opcode, payload);
    expect(await client.closed).toBe(code("too-many-frames"));
    expect(stage.closed).toEqual(["too-many-frames"]);
    await nobodyLeft(stage);
  });

  test("a burst of twice the rate is no flood", async () => {
    const stage = await raiseStage({ limits: { framesPerSecond: 10 } });
    const client = connect(stage.port);
    await client.next("hello");
    for (let ref = 0; ref < 20; ref++) client.ws.send(JSON.stringify({ type: "ping", ref }));
    for (let ref = 0; ref < 20; ref++) expect(await client.next("reply")).toMatchObject({ ref, ok: true });
  });

  test("too many that wait for their tokens", async () => {
    const stage = await raiseStage({ limits: { unauthenticated: 1 } });
    await connectRaw(stage.port, null);
    expect((await refused(stage.port, { token: null })).status).toBe(503);
    await connect(stage.port).next("hello");
  });

  test("too many sessions of one user", async () => {
    const stage = await raiseStage({ sessions: { perUser: 1 } });
    await connect(stage.port).next("hello");
    expect((await connect(stage.port).closed).code).toBe(code("too-many-sessions"));
  });
});

describe("silence", () => {
  test("half a frame, and then nothing: unresponsive, although it was once alive", async () => {
    const stage = await raiseStage({ clock: makeFastClock(100) });
    const client = await connectRaw(stage.port);
    client.socket.write(Buffer.from([0x81, 0x90, 0, 0]));
    expect(await client.closed).toBe(code("unresponsive"));
    await nobodyLeft(stage);
  });

  test("a client that answers nothing but the protocol's pings stays", async () => {
    const stage = await raiseStage({ clock: makeFastClock(25) });
    const client = connect(stage.port, { token: null });
    client.ws.on("open", () => client.ws.send(JSON.stringify({ type: "auth", token: tokenOf("ada") })));
    for (let beat = 0; beat < 3; beat++) await client.next("ping");
    expect(stage.closed).toEqual([]);
  });

  test("no token in time, with or without half a frame", async () => {
    const stage = await raiseStage({ limits: { unauthenticatedMs: 50 } });
    const silent = await connectRaw(stage.port, null);
    const halfway = await connectRaw(stage.port, null);
    halfway.socket.write(Buffer.from([0x81, 0xfe]));
    expect(await silent.closed).toBe(code("auth-timeout"));
    expect(await halfway.closed).toBe(code("auth-timeout"));
  });
});

describe("tokens", () => {
  const first = async (token: string): Promise<number> => {
    const stage = await raiseStage();
    const client = connect(stage.port, { token: null });
    client.ws.on("open", () => client.ws.send(JSON.stringify({ type: "auth", token })));
    return (await client.closed).code;
  };

  test("forged, expired, or not to be checked now, in the first frame", async () => {
    expect(await first("forged")).toBe(code("token-invalid"));
    expect(await first("expired")).toBe(code("token-expired"));
    expect(await first("unavailable")).toBe(code("unavailable"));
    expect(await first("two words")).toBe(code("token-invalid"));
  });

  test("a first frame that is no token", async () => {
    const stage = await raiseStage();
    const client = connect(stage.port, { token: null });
    client.ws.on("open", () => client.ws.send('{"type":"ping"}'));
    expect((await client.closed).code).toBe(code("frame-invalid"));
  });

  test("one that expires in the middle", async () => {
    const stage = await raiseStage();
    const client = connect(stage.port, { token: tokenOf("ada", 100) });
    await client.next("hello");
    expect((await client.closed).code).toBe(code("token-expired"));
    await nobodyLeft(stage);
  });
});

describe("cursors", () => {
  test("a damaged one is told by its code, so that a page can read it", async () => {
    const stage = await raiseStage();
    expect((await connect(stage.port, { query: "?cursor=AAAA" }).closed).code).toBe(code("cursor-invalid"));
    expect(stage.sessions.count()).toBe(0);
  });

  test("one from the future is told of the gap", async () => {
    const stage = await raiseStage();
    await stage.send("user:ada", "one");
    const cursor = encodeCursor([{ tag: tagOf("user:ada"), epoch: 1, seq: 1_000 }]);
    const client = connect(stage.port, { query: `?cursor=${cursor}` });
    expect(await client.next("gap")).toMatchObject({ stream: "user:ada", reason: "rewound", from: 0, to: 1 });
  });
});

describe("slow clients", () => {
  const options = {
    clock: makeFastClock(20),
    sessions: { slowMs: 5_000, heartbeatMs: 600_000 },
    limits: { closeMs: 1_000 },
  };

  test("invariant 8: one that stops reading is let go, within a bound of memory and time", async () => {
    const stage = await raiseStage(options);
    const client = await connectRaw(stage.port);
    client.socket.pause();
    await floodMegabytes(stage, 20);
    await nobodyLeft(stage);
    expect(stage.closed).toEqual(["slow-consumer"]);
    client.socket.destroy();
  });

  test("invariant 8: one that ends its side and reads no more is let go", async () => {
    const stage = await raiseStage({ ...options, limits: { closeMs: 60_000 } });
    const client = await connectRaw(stage.port);
    client.socket.pause();
    await floodMegabytes(stage, 20);
    client.socket.end();
    await nobodyLeft(stage);
    expect(stage.closed).toEqual(["slow-consumer"]);
    client.socket.destroy();
  });

  test("invariant 8: the same on an event stream", async () => {
    const stage = await raiseStage(options);
    const socket = await openEvents(stage);
    socket.pause();
    await floodMegabytes(stage, 20);
    await nobodyLeft(stage);
    expect(stage.closed).toEqual(["slow-consumer"]);
    socket.destroy();
  });

  test("invariant 8: one that reads a byte at a time delays nobody, and is let go", async () => {
    const stage = await raiseStage(options);
    const slow = await connectRaw(stage.port);
    const fast = connect(stage.port);
    await fast.next("caught-up");
    slow.socket.pause();
    slow.socket.removeAllListeners("data");
    const sips = setInterval(() => slow.socket.read(1), 1);
    await floodMegabytes(stage, 20);
    expect(await fast.data(20 * 17)).toHaveLength(340);
    while (stage.sessions.count() > 1) await new Promise((resolve) => setImmediate(resolve));
    clearInterval(sips);
    expect(stage.closed).toEqual(["slow-consumer"]);
    slow.socket.destroy();
  });

  test("one that reads again in time hears why, with its cursor nothing is lost", async () => {
    const stage = await raiseStage({ ...options, limits: { closeMs: 20_000 } });
    const client = connect(stage.port, { query: "?cursors=true" });
    await client.next("caught-up");
    client.ws.pause();
    await floodMegabytes(stage, 20);
    while (stage.closed.length === 0) await new Promise((resolve) => setImmediate(resolve));
    client.ws.resume();
    expect((await client.closed).code).toBe(code("slow-consumer"));
    const { cursor } = client.frames.findLast(({ type }) => type === "cursor")!;
    const seen = client.frames.filter(({ type }) => type === "notification").length;
    expect(seen).toBeLessThan(340);
    const again = connect(stage.port, { query: `?cursor=${cursor}` });
    expect(await again.data(340 - seen)).toHaveLength(340 - seen);
    expect(again.frames.find(({ type }) => type === "notification")).toMatchObject({
      prev: seen,
      seq: seen + 1,
    });
  });
});

describe("connections that break", () => {
  test("in the middle of catching up, again and again: nothing is left behind", async () => {
    const stage = await raiseStage();
    await stage.send("user:ada", ...Array.from({ length: 300 }, () => "x".repeat(5_000)));
    for (let round = 0; round < 10; round++) {
      const client = connect(stage.port);
      if (round % 2 === 0) await client.data(1 + round);
      else await client.next("hello");
      client.ws.terminate();
    }
    await nobodyLeft(stage);
  });

  test("a client that ends its side without a close frame is gone", async () => {
    const stage = await raiseStage();
    const client = await connectRaw(stage.port);
    client.socket.end();
    await client.closed;
    await nobodyLeft(stage);
  });

  test("one that closes properly is answered", async () => {
    const stage = await raiseStage();
    const client = connect(stage.port);
    await client.next("hello");
    client.ws.close(1000, "bye");
    expect(await client.closed).toEqual({ code: 1000, reason: "bye" });
    await nobodyLeft(stage);
  });

  test("the server ends without waiting for those who neither read nor answer", async () => {
    const stage = await raiseStage({ limits: { closeMs: 600_000 } });
    const deaf = await connectRaw(stage.port);
    const silent = await connectRaw(stage.port, null);
    const unread = await openEvents(stage);
    for (const { socket } of [deaf, silent, { socket: unread }]) socket.pause();
    await floodMegabytes(stage, 20);
    await stage.app.close();
    await nobodyLeft(stage);
    for (const { socket } of [deaf, silent, { socket: unread }]) socket.destroy();
  });

  test("the server's close is answered by most, and not waited for for ever", async () => {
    const stage = await raiseStage();
    const deaf = await connectRaw(stage.port);
    await stage.sessions.stop();
    expect(await deaf.closed).toBe(code("draining"));
  });
});
