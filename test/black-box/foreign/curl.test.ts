import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Server, serve } from "../process.ts";
import { makeShown, numbers, type Shown, sendNumbers, tokenFor } from "../producer.ts";
import { findCurl } from "./peers.ts";

const curl = findCurl();
let server: Server;
beforeAll(async () => {
  server = await serve();
});
afterAll(() => server.stop());

function run(args: readonly string[], input?: string): string {
  const { status, stdout, stderr } = spawnSync("curl", ["--silent", "--show-error", "--fail", ...args], {
    encoding: "utf8",
    ...(input === undefined ? {} : { input }),
  });
  if (status !== 0) throw new Error(`curl ended with ${status}: ${stderr}${stdout}`);
  return stdout;
}

const bearer = (credential: string): string[] => ["-H", `Authorization: Bearer ${credential}`];

interface Listener {
  /** The newest `id:` that is behind everything shown. */
  id(): string;
  /** Resolves when an id has come behind the newest notification. */
  settled(): Promise<void>;
  readonly ended: Promise<unknown>;
  stop(): void;
}

function listen(token: string, shown: Shown, lastEventId: string | null): Listener {
  const resume = lastEventId === null ? [] : ["-H", `Last-Event-ID: ${lastEventId}`];
  const child = spawn("curl", ["-sN", ...bearer(token), ...resume, `${server.url}/v1/events`], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let id = "";
  let isBehind = false;
  let waiting = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on("line", (line) => {
    if (line.startsWith("id:")) {
      id = line.slice(3).trim();
      isBehind = true;
      waiting.resolve();
      waiting = Promise.withResolvers();
    }
    if (!line.startsWith('data: {"type":"notification"')) return;
    isBehind = false;
    shown.push((JSON.parse(line.slice(6)) as { event: { data: number } }).event.data);
  });
  return {
    id: () => id,
    settled: async () => {
      while (!isBehind) await waiting.promise;
    },
    ended: once(child, "exit"),
    stop: () => void child.kill(),
  };
}

test("curl sends in every plain form and polls", async ({ skip }) => {
  if ("missing" in curl) skip(curl.missing);
  const send = [
    ...bearer(server.key),
    `${server.url}/v1/notifications`,
    "-H",
    "Content-Type: application/json",
  ];
  const one = { to: "user:curl", source: "/curl", id: "1", type: "number", data: 1 };
  expect(JSON.parse(run([...send, "-d", JSON.stringify(one)]))).toEqual({
    id: "1",
    source: "/curl",
    receipts: [{ to: "user:curl", status: "stored", seq: 1 }],
  });
  const lines = [2, 3].map((data) => JSON.stringify({ ...one, id: String(data), data })).join("\n");
  const ndjson = [...send.slice(0, 3), "-H", "Content-Type: application/x-ndjson", "--data-binary", "@-"];
  expect(JSON.parse(run(ndjson, lines)).results).toHaveLength(2);
  const ce = Object.entries({
    specversion: "1.0",
    id: "4",
    source: "/curl",
    type: "number",
    to: "user:curl",
  });
  const headers = ce.flatMap(([name, value]) => ["-H", `ce-${name}: ${value}`]);
  run([...send, ...headers, "-d", "4"]);

  const token = await tokenFor(server, "curl");
  const poll = (query: string) =>
    JSON.parse(run([...bearer(token), `${server.url}/v1/poll?${query}`])) as {
      cursor: string;
      frames: { event: { data: number } }[];
    };
  const { cursor, frames } = poll("wait=5");
  expect(frames.map(({ event }) => event.data)).toEqual([1, 2, 3, 4]);
  run([...send, "-d", JSON.stringify({ ...one, id: "5", data: 5 })]);
  expect(poll(`wait=5&cursor=${cursor}`).frames.map(({ event }) => event.data)).toEqual([5]);
});

test("invariant 6: curl -N is shown everything in order, and goes on after a kill", {
  timeout: 120_000,
}, async ({ skip }) => {
  if ("missing" in curl) skip(curl.missing);
  const token = await tokenFor(server, "events");
  const shown = makeShown();
  await sendNumbers(server, "events", 1, 50);
  const first = listen(token, shown, null);
  await shown.reached(50);
  await sendNumbers(server, "events", 51, 100);
  await shown.reached(100);
  await first.settled();
  await server.killAndRestart();
  await first.ended;
  await sendNumbers(server, "events", 101, 150);
  const second = listen(token, shown, first.id());
  await shown.reached(150);
  await sendNumbers(server, "events", 151, 160);
  await shown.reached(160);
  expect(shown.data).toEqual(numbers(1, 160));
  second.stop();
});
