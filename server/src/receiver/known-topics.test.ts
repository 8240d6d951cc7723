import { expect, test } from "vitest";
import { Failure } from "../errors.ts";
import type { Topic } from "../store/directory.ts";
import { rememberTopics } from "./known-topics.ts";

function setUp(most = 10) {
  const existing = new Set(["a", "b"]);
  const asked: string[] = [];
  let now = 0;
  const state = { isAway: false };
  const directory = {
    async getTopic(topic: string): Promise<Topic | null> {
      asked.push(topic);
      if (state.isAway) throw new Failure("unavailable", "the store is away");
      return existing.has(topic) ? { topic, owner: "key:k", createdAt: 0, subscribers: 0 } : null;
    },
  };
  const known = rememberTopics(directory, { now: () => now }, { ttlMs: 5_000, awayMs: 60_000, most });
  const pass = (ms: number) => {
    now += ms;
  };
  return { known, existing, asked, pass, state };
}

test("a topic that exists is asked for once in a while", async () => {
  const { known, pass } = setUp();
  expect(known.has("a")).toBe(false);
  expect(await known.missing(new Set(["a"]))).toEqual(new Set());
  expect(known.has("a")).toBe(true);
  pass(5_000);
  expect(known.has("a")).toBe(false);
});

test("that a topic doesn't exist is never remembered: another process may make it any time", async () => {
  const { known, existing } = setUp();
  expect(await known.missing(new Set(["a", "new"]))).toEqual(new Set(["new"]));
  existing.add("new");
  expect(await known.missing(new Set(["new"]))).toEqual(new Set());
});

test("a known topic is believed in while the directory is away, for a bounded time; no other is", async () => {
  const { known, asked, pass, state } = setUp();
  await known.missing(new Set(["a"]));
  state.isAway = true;
  pass(5_000);
  expect(known.has("a")).toBe(false);
  expect(await known.missing(new Set(["a"]))).toEqual(new Set());
  expect(known.has("a"), "the directory isn't asked for every request").toBe(true);
  expect(asked).toEqual(["a", "a"]);
  await expect(known.missing(new Set(["a", "b"]))).rejects.toMatchObject({ code: "unavailable" });
  pass(55_000);
  await expect(known.missing(new Set(["a"]))).rejects.toMatchObject({ code: "unavailable" });
});

test("what is made or deleted here is known at once", () => {
  const { known } = setUp();
  known.add("mine");
  expect(known.has("mine")).toBe(true);
  known.forget("mine");
  expect(known.has("mine")).toBe(false);
});

test("the memory is bounded: the longest known goes", () => {
  const { known } = setUp(2);
  for (const topic of ["x", "y", "z"]) known.add(topic);
  expect(["x", "y", "z"].map(known.has)).toEqual([false, true, true]);
});
