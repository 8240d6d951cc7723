import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Assembled, assemble } from "../src/assemble.ts";
import { readConfig } from "../src/config.ts";
import { makeLogger } from "../src/telemetry/logger.ts";
import { metricTable } from "../src/telemetry/table.ts";

let directory = "";
let server: Assembled;
const logged: string[] = [];

async function start(...args: string[]): Promise<Assembled> {
  const read = readConfig({
    args: ["--port", "0", "--operations-port", "0", "--drain-window", "0s", ...args],
    env: {},
    cwd: directory,
  });
  if (!read.ok) throw new Error(JSON.stringify(read.problems));
  const log = makeLogger({ level: "debug", format: "json", write: (line) => logged.push(line) });
  const assembled = await assemble({
    config: read.config,
    log,
    signal: new AbortController().signal,
    broke: (what) => logged.push(what),
  });
  if ("problem" in assembled) throw new Error(assembled.problem);
  return assembled;
}

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "carillon-assemble-"));
  server = await start();
});
afterAll(async () => {
  await server.drain();
  rmSync(directory, { recursive: true, force: true });
});

const bearer = (credential: string) => ({ authorization: `Bearer ${credential}` });
const apiKey = () => readFileSync(join(directory, "carillon-data/api.key"), "utf8").trim();
const post = (path: string, body: unknown) =>
  fetch(`${server.serving.url}${path}`, {
    method: "POST",
    headers: { ...bearer(apiKey()), "content-type": "application/json" },
    body: JSON.stringify(body),
  });
const send = (id: string, data: unknown) =>
  post("/v1/notifications", { to: "user:42", source: "/t", id, type: "t", data });

async function scrape(): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${server.serving.operationsUrl}/metrics`)).text();
  const samples = text.split("\n").filter((line) => line !== "" && !line.startsWith("#"));
  return new Map(
    samples.map((line) => [line.slice(0, line.lastIndexOf(" ")), Number(line.split(" ").at(-1))]),
  );
}

describe("metrics", () => {
  test("every one of the table is there from the start", async () => {
    const text = await (await fetch(`${server.serving.operationsUrl}/metrics`)).text();
    const printed = [...text.matchAll(/^# TYPE (carillon_\w+) (\w+)$/gm)].map(
      ([, name, type]) => `${name} ${type}`,
    );
    const wanted = Object.entries(metricTable).map(([name, { type }]) => `${name} ${type}`);
    expect(printed.sort()).toEqual(wanted.sort());
  });

  test("a notification is counted at each of its stations", async () => {
    const before = await scrape();
    const { token } = (await (await post("/v1/users/42/tokens", {})).json()) as { token: string };
    const events = await fetch(`${server.serving.url}/v1/events`, { headers: bearer(token) });
    const reader = events.body!.pipeThrough(new TextDecoderStream()).getReader();
    const until = async (what: string) => {
      for (let text = ""; !text.includes(what); )
        text += (await reader.read()).value ?? expect.fail("the stream ended");
    };
    await until("caught-up");
    expect((await send("a", 1)).status).toBe(202);
    await until('"seq":1');
    expect((await send("a", 1)).status).toBe(202);
    expect((await send("a", 2)).status).toBe(409);
    expect((await post("/v1/notifications", {})).status).toBe(400);

    const after = await scrape();
    const grown = (name: string) => (after.get(name) ?? 0) - (before.get(name) ?? 0);
    expect({
      accepted: grown("carillon_accepted_total"),
      duplicates: grown("carillon_duplicates_total"),
      conflicts: grown("carillon_conflicts_total"),
      refused: grown('carillon_refused_total{reason="body-invalid"}'),
      stored: grown("carillon_stored_total"),
      pushed: grown("carillon_pushed_total"),
      groups: grown("carillon_group_commit_records_count"),
      accepts: grown("carillon_accept_commit_seconds_count"),
      pushes: grown("carillon_commit_push_seconds_count"),
      whole: grown("carillon_accept_push_seconds_count"),
      published: grown('carillon_bus_messages_total{direction="published"}'),
      received: grown('carillon_bus_messages_total{direction="received"}'),
      sse: after.get('carillon_sessions{transport="sse"}'),
      catchingUp: after.get("carillon_catching_up_sessions"),
      hubs: after.get("carillon_hubs"),
      waiting: after.get("carillon_store_queue_records"),
      ready: after.get("carillon_ready"),
    }).toEqual({
      accepted: 1,
      duplicates: 1,
      conflicts: 1,
      refused: 1,
      stored: 1,
      pushed: 1,
      groups: 3,
      accepts: 3,
      pushes: 1,
      whole: 1,
      published: 1,
      received: 1,
      sse: 1,
      catchingUp: 0,
      hubs: 1,
      waiting: 0,
      ready: 1,
    });
    await reader.cancel();
  });
});

test("the page is served where it isn't turned off", async () => {
  expect(server.serving.pageUrl).toBe(`${server.serving.url}/`);
  expect((await fetch(`${server.serving.pageUrl}`)).status).toBe(200);
  const without = await start("--page", "off", "--data-directory", "without-page");
  expect(without.serving.pageUrl).toBeNull();
  expect((await fetch(`${without.serving.url}/`)).status).toBe(404);
  await without.drain();
});

test("what can't start leaves nothing open behind it", async () => {
  const { port } = new URL(server.serving.url!);
  await expect(start("--data-directory", "second", "--port", port)).rejects.toMatchObject({
    code: "EADDRINUSE",
  });
  const second = await start("--data-directory", "second");
  await second.drain();
  await second.drain();
});

test("nothing was logged that is an error", () => {
  expect(logged.filter((line) => line.includes('"level":"error"'))).toEqual([]);
});
