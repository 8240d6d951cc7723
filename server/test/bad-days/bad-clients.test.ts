/**
 * Clients that do what none should, against one real process: each gets its verdict, and none of them is felt by a
 * client that behaves, which is connected all the while.
 */
import { type ClientRequest, request } from "node:http";
import { connect, type Socket } from "node:net";
import { encodeCursor, tagOf } from "@carillon/protocol/cursor";
import type { ServerFrame } from "@carillon/protocol/frames";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { ask, json, must } from "./ask.ts";
import { sendMany } from "./many.ts";
import { noMemoryFigures, peakSince, startOfPeak } from "./memory.ts";
import { makeDirectory, type ServerProcess, startServer } from "./server-process.ts";
import { makeSigner } from "./tokens.ts";
import { openRawWebSocket, type RawWebSocket } from "./transports/raw-websocket.ts";
import { clientFrame, handshake, Opcode } from "./transports/websocket-frames.ts";

const flags = ["--heartbeat", "1s", "--unauthenticated", "1s", "--log-level", "warn"];

let server: ServerProcess;
let sign: ReturnType<typeof makeSigner>;
let witness: { readonly ids: string[]; has(id: string): Promise<void>; readonly line: RawWebSocket };
let serial = 0;
const endings: (() => void | Promise<void>)[] = [];

beforeAll(async () => {
  const atEnd = (run: () => void | Promise<void>): void => void endings.unshift(run);
  const directory = makeDirectory(atEnd);
  server = await startServer({ directory, flags, atEnd });
  sign = makeSigner(directory);
  witness = await makeWitness();
});

afterEach(async () => {
  const id = `after-${serial++}`;
  await sendMany(server, [{ to: "user:witness", id, data: null }]);
  await witness.has(id);
  expect(server.child.exitCode).toBeNull();
});

afterAll(async () => {
  witness.line.socket.destroy();
  expect(await server.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  expect(server.said.filter((line) => line.includes("bug"))).toEqual([]);
  for (const run of endings) await run();
});

async function makeWitness(): Promise<typeof witness> {
  const ids: string[] = [];
  let look = (): void => {};
  const line = openRawWebSocket(server.url, {
    headers: { Authorization: `Bearer ${sign("witness")}` },
    onText(text) {
      const frame = JSON.parse(text) as ServerFrame;
      if (frame.type !== "notification") return;
      expect(frame.prev).toBe(ids.length);
      ids.push(frame.event.id);
      look();
    },
  });
  await line.status;
  const has = (id: string): Promise<void> =>
    new Promise((resolve, reject) => {
      look = () => ids.includes(id) && resolve();
      void line.closed.then((code) => reject(new Error(`the witness was closed with ${code}`)));
      look();
    });
  return { ids, has, line };
}

interface Bad extends RawWebSocket {
  readonly frames: ServerFrame[];
  /** The next frame of this type, of those that came or will. */
  first(type: ServerFrame["type"]): Promise<ServerFrame>;
}

function connectBad(user: string, { query = "", token = sign(user) as string | null } = {}): Bad {
  const frames: ServerFrame[] = [];
  let look = (): void => {};
  const line = openRawWebSocket(server.url, {
    query,
    headers: token === null ? {} : { Authorization: `Bearer ${token}` },
    onText(text) {
      frames.push(JSON.parse(text) as ServerFrame);
      look();
    },
  });
  const first = (type: ServerFrame["type"]): Promise<ServerFrame> =>
    new Promise((resolve) => {
      look = () => {
        const found = frames.find((frame) => frame.type === type);
        if (found) resolve(found);
      };
      look();
    });
  return { ...line, frames, first };
}

describe("frames", () => {
  const halfFrame = clientFrame(Opcode.text, '{"type":"ping"}').subarray(0, 8);

  test.each<readonly [string, number | null, (bad: Bad) => void]>([
    ["half a frame, and then nothing", 3_002, ({ socket }) => void socket.write(halfFrame)],
    ["a frame of 100 MB", 3_504, (bad) => bad.send(Opcode.text, "x".repeat(1_000), 100 << 20)],
    ["a frame of more bytes than there are", 3_504, (bad) => bad.send(Opcode.text, "", 2 ** 53)],
    ["invalid UTF-8", 1_007, (bad) => bad.send(Opcode.text, Buffer.from([0xc3, 0x28]))],
    [
      "a flood",
      3_505,
      ({ socket }) =>
        void socket.write(Buffer.concat(Array(10_000).fill(clientFrame(Opcode.text, '{"type":"ping"}')))),
    ],
    [
      "a flood of the protocol's pings",
      3_505,
      ({ socket }) => void socket.write(Buffer.concat(Array(10_000).fill(clientFrame(Opcode.ping, "")))),
    ],
    ["bytes", 3_503, (bad) => bad.send(Opcode.binary, Buffer.alloc(10))],
    ["no JSON", 3_503, (bad) => bad.send(Opcode.text, "hello")],
    ["a frame of the server's", 3_503, (bad) => bad.send(Opcode.text, '{"type":"hello"}')],
    ["an opcode that doesn't exist", 1_002, (bad) => bad.send(5, "")],
    [
      "a frame without a mask",
      1_002,
      ({ socket }) => void socket.write(Buffer.from([0x81, 0x02, 0x7b, 0x7d])),
    ],
    [
      "an ack of what it never got",
      null,
      (bad) => bad.send(Opcode.text, '{"type":"ack","ref":1,"stream":"user:mallory","seq":9}'),
    ],
  ])("%s", async (_, code, abuse) => {
    const bad = connectBad("mallory");
    await bad.first("caught-up");
    abuse(bad);
    if (code !== null) expect(await bad.closed).toBe(code);
    else expect(await bad.first("reply")).toMatchObject({ ok: false, error: { code: "not-sent" } });
    bad.socket.destroy();
  });

  test("100 MB that really come are not kept", async ({ skip }) => {
    if (noMemoryFigures !== null) skip(noMemoryFigures);
    const bad = connectBad("mallory");
    await bad.first("caught-up");
    const before = startOfPeak(server.child.pid!);
    bad.send(Opcode.text, Buffer.alloc(100 << 20));
    expect([3_504, null]).toContain(await bad.closed);
    expect(peakSince(server.child.pid!) - before).toBeLessThan(50 << 20);
    bad.socket.destroy();
  });
});

describe("who and from where", () => {
  test("the wrong subprotocol", async () => {
    const headers = { Authorization: `Bearer ${sign("mallory")}`, "Sec-WebSocket-Protocol": "graphql-ws" };
    expect(await openRawWebSocket(server.url, { headers, onText: () => {} }).status).toBe(400);
  });

  test("a forged token, on each transport", async () => {
    const token = `${sign("mallory").slice(0, -4)}AAAA`;
    expect(await connectBad("", { token }).status).toBe(401);
    await must(401, `${server.url}/v1/events`, { bearer: token });
    await must(401, `${server.url}/v1/poll`, { bearer: token });
  });

  test("a forged cursor, on each transport", async () => {
    const { closed } = connectBad("mallory", { query: "?cursor=AQFCPMemo3UBBhFe0aN" });
    expect(await closed).toBe(3_506);
    for (const path of ["events", "poll"]) {
      const answer = await must(400, `${server.url}/v1/${path}?cursor=AAAA`, { bearer: sign("mallory") });
      expect(answer.json).toMatchObject({ code: "cursor-invalid" });
    }
  });

  test("a cursor from the future: a gap that says so, then what is new", async () => {
    const cursor = encodeCursor([{ tag: tagOf("user:eve"), epoch: 1, seq: 1_000_000 }]);
    const bad = connectBad("eve", { query: `?cursor=${cursor}` });
    expect(await bad.first("gap")).toMatchObject({ stream: "user:eve", reason: "rewound", from: 0, to: 0 });
    await sendMany(server, [{ to: "user:eve", id: "e", data: null }]);
    expect(await bad.first("notification")).toMatchObject({ seq: 1, prev: 0 });
    bad.socket.destroy();
  });

  test("another user's cursor opens nothing", async () => {
    await sendMany(server, [{ to: "user:secret", id: "s", data: null }]);
    const cursor = encodeCursor([{ tag: tagOf("user:secret"), epoch: 1, seq: 0 }]);
    const bad = connectBad("mallory", { query: `?cursor=${cursor}` });
    await bad.first("caught-up");
    expect(bad.frames.map(({ type }) => type)).toEqual(["hello", "caught-up"]);
    bad.socket.destroy();
  });

  test("a token that expires in the middle", async () => {
    const bad = connectBad("mallory", { token: sign("mallory", 1_000) });
    await bad.first("caught-up");
    expect(await bad.closed).toBe(3_500);
  });

  test("no token at all, with half a frame", async () => {
    const bad = connectBad("", { token: null });
    expect(await bad.status).toBe(101);
    bad.socket.write(clientFrame(Opcode.text, '{"type":"auth"').subarray(0, 10));
    expect(await bad.closed).toBe(3_502);
  });
});

describe("slowness", () => {
  const data = "x".repeat(30_000);
  const missed = Array.from({ length: 300 }, (_, at) => String(at));

  test("one that stops reading, one that reads a byte at a time: nothing is lost when they read again", async () => {
    const stopped = connectBad("slow");
    const trickle = connectBad("slow");
    await Promise.all([stopped.first("caught-up"), trickle.first("caught-up")]);
    stopped.socket.pause();
    trickle.socket.pause();
    const step = setInterval(() => trickle.socket.read(1), 1);
    await sendMany(
      server,
      missed.map((id) => ({ to: "user:slow", id, data })),
    );
    await sendMany(server, [{ to: "user:witness", id: "meanwhile", data: null }]);
    await witness.has("meanwhile");
    clearInterval(step);
    for (const { socket } of [stopped, trickle]) socket.resume();
    for (const { frames, first, socket } of [stopped, trickle]) {
      const seqs = (): (number | undefined)[] =>
        frames.flatMap((frame) => (frame.type === "notification" ? [frame.seq] : []));
      while (seqs().length < missed.length)
        await Promise.race([first("goaway"), new Promise((resolve) => socket.once("data", resolve))]);
      expect(seqs()).toEqual(missed.map((_, at) => at + 1));
      socket.destroy();
    }
  });

  test("a hundred whose headers don't end, and a hundred whose bodies don't", async () => {
    const { hostname: host, port } = new URL(server.url);
    const half: (Socket | ClientRequest)[] = [];
    for (let at = 0; at < 100; at++) {
      const socket = connect({ host, port: Number(port) });
      socket.on("error", () => {});
      socket.write(handshake("/v1/live").slice(0, 60));
      const body = request(`${server.url}/v1/notifications`, {
        method: "POST",
        agent: false,
        headers: {
          authorization: `Bearer ${server.apiKey}`,
          "content-type": "application/json",
          "content-length": 1 << 20,
        },
      });
      body.on("error", () => {});
      body.write('[{"to":');
      half.push(socket, body);
    }
    const event = { to: "user:ada", source: "/test", type: "test", id: `whole-${serial++}` };
    await must(202, `${server.url}/v1/notifications`, { ...json(event), bearer: server.apiKey });
    for (const one of half) one.destroy();
  });

  test("a body that is larger than allowed, declared or not", async () => {
    const asked = { method: "POST", bearer: server.apiKey, headers: { "content-type": "application/json" } };
    const answer = await ask(`${server.url}/v1/notifications`, {
      ...asked,
      body: Buffer.alloc(9 << 20, 0x20),
    });
    expect([413, undefined]).toContain(answer?.status);
  });
});
