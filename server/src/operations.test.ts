import { afterEach, beforeEach, expect, test } from "vitest";
import { type Check, makeOperations, type Operations, type Post } from "./operations.ts";
import { makeMetrics } from "./telemetry/metrics.ts";

let problem: string | null = null;
let isSurvived = false;
let operations: Operations;
const checks: Check[] = [
  { name: "store", problem: () => problem, isSurvived: () => isSurvived },
  { name: "draining", problem: () => null },
];

beforeEach(async () => {
  problem = null;
  isSurvived = false;
  const metrics = makeMetrics();
  metrics.counter("carillon_stored_total").inc(3);
  operations = makeOperations({ host: "127.0.0.1", port: 0, checks, metrics, posts: new Map() });
  await operations.start();
});
afterEach(() => operations.stop());

const get = (path: string, method = "GET") =>
  fetch(`http://127.0.0.1:${operations.address().port}${path}`, { method });

test("/livez answers while the loop turns, ready or not", async () => {
  problem = "away";
  expect((await get("/livez")).status).toBe(200);
});

test("/readyz says yes, or no and why", async () => {
  expect(await (await get("/readyz")).json()).toEqual({
    ready: true,
    checks: { store: "ok", draining: "ok" },
  });
  problem = "no answer for 30s";
  const response = await get("/readyz");
  expect(response.status).toBe(503);
  expect(await response.json()).toEqual({
    ready: false,
    checks: { store: "no answer for 30s", draining: "ok" },
  });
});

test("/readyz tells a problem that work goes on without, and says yes", async () => {
  problem = "away";
  isSurvived = true;
  const response = await get("/readyz");
  expect(response.status).toBe(200);
  expect(await response.json()).toEqual({ ready: true, checks: { store: "away", draining: "ok" } });
});

test("/metrics is the Prometheus text format", async () => {
  const response = await get("/metrics");
  expect(response.headers.get("content-type")).toContain("text/plain; version=0.0.4");
  expect(await response.text()).toContain("carillon_stored_total 3");
});

test("anything else is refused, and HEAD has no body", async () => {
  expect((await get("/")).status).toBe(404);
  expect((await get("/livez", "POST")).status).toBe(405);
  expect(await (await get("/readyz?verbose", "HEAD")).text()).toBe("");
});

test("a port that is taken rejects the start, and stop may come twice", async () => {
  const second = makeOperations({
    posts: new Map(),
    host: "127.0.0.1",
    port: operations.address().port,
    checks,
    metrics: makeMetrics(),
  });
  await expect(second.start()).rejects.toMatchObject({ code: "EADDRINUSE" });
  await second.stop();
  await operations.stop();
});

test("what is asked for by POST has its path, and one that breaks is told and ends nothing else", async () => {
  const asking = makeOperations({
    host: "127.0.0.1",
    port: 0,
    checks,
    metrics: makeMetrics(),
    posts: new Map<string, Post>([
      ["/v1/admin/good", async (_request, response) => void response.end("done")],
      ["/v1/admin/bad", async () => Promise.reject(new Error("broken"))],
    ]),
  });
  await asking.start();
  const ask = (path: string, method = "POST") =>
    fetch(`http://127.0.0.1:${asking.address().port}/v1/admin/${path}`, { method });
  expect(await (await ask("good?a=b")).text()).toBe("done");
  expect((await ask("good", "GET")).status).toBe(405);
  expect((await ask("bad")).status).toBe(500);
  expect((await ask("none")).status).toBe(405);
  expect(await (await ask("good")).text()).toBe("done");
  await asking.stop();
});
