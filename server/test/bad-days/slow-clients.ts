/** Many who have stopped reading beside some who read: the ones cost the others nothing, and the server little. */
import type { ServerFrame } from "@carillon/protocol/frames";
import { expect } from "vitest";
import { json, must } from "./ask.ts";
import { sendMany } from "./many.ts";
import { peakSince, startOfPeak } from "./memory.ts";
import { makeDirectory, type ServerProcess, startServer } from "./server-process.ts";
import { makeSigner } from "./tokens.ts";
import { openRawWebSocket, type RawWebSocket } from "./transports/raw-websocket.ts";

export interface SlowClientsOptions {
  readonly slow: number;
  readonly fast: number;
  readonly notifications: number;
  readonly dataBytes: number;
}

export interface SlowClientsResult {
  /** What the server's resident memory grew by, at its peak, while the slow ones did not read. */
  readonly grewBytes: number;
  /** Of the slow ones, how many the server noticed. */
  readonly noticed: number;
}

interface Reader {
  readonly line: RawWebSocket;
  readonly seqs: number[];
  readonly live: Promise<void>;
  /** Has all of them. */
  readonly complete: Promise<void>;
}

const bufferBytes = 64 << 10;
/** What a process may grow by for reasons of its own: the store's caches, garbage, the bodies of requests. */
const slackBytes = 256 << 20;

function connectReader(url: string, token: string, count: number): Reader {
  const live = Promise.withResolvers<void>();
  const complete = Promise.withResolvers<void>();
  const seqs: number[] = [];
  const line = openRawWebSocket(url, {
    headers: { Authorization: `Bearer ${token}` },
    onText(text) {
      const frame = JSON.parse(text) as ServerFrame;
      if (frame.type === "caught-up") live.resolve();
      if (frame.type === "gap") complete.reject(new Error(text));
      if (frame.type !== "notification") return;
      seqs.push(frame.seq!);
      if (frame.prev !== seqs.length - 1) complete.reject(new Error(`${frame.seq} has prev ${frame.prev}`));
      if (seqs.length === count) complete.resolve();
    },
  });
  void line.closed.then((code) => complete.reject(new Error(`closed with ${code} after ${seqs.length}`)));
  complete.promise.catch(() => {});
  return { line, seqs, live: live.promise, complete: complete.promise };
}

async function metric(server: ServerProcess, name: string): Promise<number> {
  const { text } = await must(200, `${server.operationsUrl}/metrics`);
  return Number(new RegExp(`^${name}(?:{[^}]*})? (\\S+)$`, "m").exec(text)?.[1]);
}

export async function playSlowClients(options: SlowClientsOptions): Promise<SlowClientsResult> {
  const { slow, fast, notifications, dataBytes } = options;
  const directory = makeDirectory();
  const flags = [
    "--session-buffer-size",
    `${bufferBytes >> 10}KB`,
    "--heartbeat",
    "60s",
    "--log-level",
    "warn",
  ];
  const server = await startServer({ directory, flags });
  const { url, apiKey: bearer } = server;
  const sign = makeSigner(directory);
  const users = Array.from({ length: slow + fast }, (_, at) => `u${at}`);
  await must(201, `${url}/v1/topics/all`, { ...json({}), method: "PUT", bearer });
  for (let at = 0; at < users.length; at += 1_000) {
    const some = { users: users.slice(at, at + 1_000) };
    await must(200, `${url}/v1/topics/all/subscribers`, { ...json(some), method: "PUT", bearer });
  }

  const readers = users.map((user) => connectReader(url, sign(user), notifications));
  await Promise.all(readers.map(({ live }) => live));
  const slowOnes = readers.slice(0, slow);
  const fastOnes = readers.slice(slow);
  for (const { line } of slowOnes) line.socket.pause();

  const before = startOfPeak(server.child.pid!);
  const data = "x".repeat(dataBytes);
  const serials = Array.from({ length: notifications }, (_, at) => String(at));
  for (let at = 0; at < notifications; at += 10) {
    const some = serials.slice(at, at + 10);
    await sendMany(
      server,
      some.map((id) => ({ to: "topic:all", id, data })),
    );
  }
  await Promise.all(fastOnes.map(({ complete }) => complete));
  const grewBytes = peakSince(server.child.pid!) - before;
  const noticed = await metric(server, "carillon_slow_sessions_total");

  // The slow ones have read nothing all the while; now they do, and nothing is missing.
  for (const { seqs } of slowOnes) expect(seqs.length).toBeLessThan(notifications);
  for (const { line } of slowOnes) line.socket.resume();
  await Promise.all(slowOnes.map(({ complete }) => complete));

  expect(noticed).toBeGreaterThanOrEqual(slow / 2);
  expect(grewBytes).toBeLessThan(slow * bufferBytes * 2 + slackBytes);
  for (const { line } of readers) line.socket.destroy();
  expect(await server.kill("SIGTERM")).toEqual({ code: 0, signal: null });
  return { grewBytes, noticed };
}
