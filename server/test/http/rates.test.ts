import { expect, onTestFinished, test } from "vitest";
import type { RateLimitsOptions } from "../../src/access/rate-limits.ts";
import { makeManualClock } from "../manual-clock.ts";
import { openStage } from "./stage.ts";

const one = { to: "user:1", type: "t" };

async function stageWith(rates: Partial<RateLimitsOptions>) {
  const clock = makeManualClock(Date.now());
  const stage = await openStage({ clock, rates });
  onTestFinished(() => stage.close());
  return { stage, clock };
}

test("requests of one API key beyond its rate are refused until time has passed, and no other key's are", async () => {
  const { stage, clock } = await stageWith({ keyRequestsPerSecond: 2 });
  const statuses = [];
  for (let at = 0; at < 5; at++) statuses.push((await stage.post(one)).statusCode);
  expect(statuses).toEqual([202, 202, 202, 202, 429]);
  const refused = await stage.post(one);
  expect(refused.json()).toMatchObject({ code: "rate-limited", status: 429, retryMs: 500 });
  expect(refused.headers["retry-after"]).toBe("1");
  expect((await stage.post(one, { authorization: await stage.key() })).statusCode).toBe(202);
  clock.advance(500);
  expect((await stage.post(one)).statusCode).toBe(202);
  expect((await stage.post(one)).statusCode).toBe(429);
});

test("answers say where the caller stands, as the draft has it", async () => {
  const { stage, clock } = await stageWith({ keyRequestsPerSecond: 5, keyNotificationsPerSecond: 50 });
  const { headers } = await stage.post([one, one]);
  expect(headers["ratelimit-policy"]).toBe(
    '"requests";q=10;w=2, "notifications";q=100;qu="notifications";w=2',
  );
  expect(headers["ratelimit"]).toBe('"requests";r=9;t=1, "notifications";r=98;t=1');
  clock.advance(10_000);
  expect((await stage.ask("GET", "/v1/topics")).headers["ratelimit"]).toBe(
    '"requests";r=9;t=1, "notifications";r=100;t=0',
  );
  expect((await stage.app.inject({ method: "GET", url: "/v1/topics" })).headers["ratelimit"]).toBeUndefined();
});

test("notifications count by recipient, a batch may owe, and nothing of what was refused is kept", async () => {
  const { stage, clock } = await stageWith({ keyNotificationsPerSecond: 5 });
  const to = Array.from({ length: 30 }, (_, at) => `user:n-${at}`);
  expect((await stage.post({ ...one, to })).statusCode).toBe(202);
  const refused = await stage.post({ ...one, to: "user:refused" });
  expect(refused.json()).toMatchObject({ code: "rate-limited", retryMs: 4_200 });
  expect((await stage.store.streams.read("user:refused", 0, 10)).head).toBe(0);
  clock.advance(4_199);
  expect((await stage.post({ ...one, to: "user:refused" })).statusCode).toBe(429);
  clock.advance(1);
  expect((await stage.post({ ...one, to: "user:refused" })).statusCode).toBe(202);
});

test("users are counted one by one, by each process for its share of the whole", async () => {
  const { stage } = await stageWith({ userRequestsPerSecond: 6, replicas: 3 });
  const ask = (user: string) => {
    const authorization = `Bearer ${stage.tokens.issue(user, 60_000).token}`;
    return stage.inject({ method: "GET", url: "/v1/unread", headers: { authorization } });
  };
  const codes = [];
  for (let at = 0; at < 5; at++) codes.push((await ask("a")).statusCode);
  expect(codes).toEqual([200, 200, 200, 200, 429]);
  expect((await ask("b")).statusCode).toBe(200);
});
