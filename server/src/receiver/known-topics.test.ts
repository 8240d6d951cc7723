import { expect, test } from "vitest";
import { Failure } from "../errors.ts";
import { defaultPolicy, type Topic } from "../store/directory.ts";
import { rememberTopics } from "./known-topics.ts";

const terms = { active: true, keepMs: null };

function setUp(most = 10) {
  const existing = new Map<string, Partial<Topic>>([
    ["a", {}],
    ["b", {}],
  ]);
  const asked: string[] = [];
  let now = 0;
  let hold: Promise<void> | undefined;
  const state = { isAway: false };
  const directory = {
    async getTopic(topic: string): Promise<Topic | null> {
      asked.push(topic);
      if (state.isAway) throw new Failure("unavailable", "the store is away");
      const found = existing.get(topic);
      const answer =
        found === undefined
          ? null
          : { topic, owner: "key:k", createdAt: 0, subscribers: 0, ...defaultPolicy, ...found };
      await hold;
      return answer;
    },
  };
  const known = rememberTopics(directory, { now: () => now }, { ttlMs: 5_000, awayMs: 60_000, most });
  return {
    known,
    existing,
    asked,
    state,
    ask: async (...topics: string[]) => Object.fromEntries(await known.terms(new Set(topics))),
    pass(ms: number) {
      now += ms;
    },
    hold(until: Promise<void> | undefined) {
      hold = until;
    },
  };
}

test("a topic that exists is asked for once in a while", async () => {
  const { ask, asked, pass } = setUp();
  expect(await ask("a")).toMatchObject({ a: terms });
  expect(await ask("a", "b")).toMatchObject({ a: terms, b: terms });
  expect(asked).toEqual(["a", "b"]);
  pass(5_000);
  await ask("a");
  expect(asked).toEqual(["a", "b", "a"]);
});

test("that a topic doesn't exist is never remembered: another process may make it any time", async () => {
  const { ask, existing } = setUp();
  expect(await ask("a", "new")).toMatchObject({ a: terms, new: null });
  existing.set("new", { keepMs: 7, active: false });
  expect(await ask("new")).toMatchObject({ new: { active: false, keepMs: 7 } });
});

test("a known topic is taken for what it was while the directory is away, for a bounded time; no other is", async () => {
  const { ask, asked, pass, state } = setUp();
  await ask("a");
  state.isAway = true;
  pass(5_000);
  expect(await ask("a")).toMatchObject({ a: { active: true } });
  expect(await ask("a"), "the directory isn't asked for every request").toMatchObject({
    a: { active: true },
  });
  expect(asked).toEqual(["a", "a"]);
  await expect(ask("a", "b")).rejects.toMatchObject({ code: "unavailable" });
  pass(55_000);
  await expect(ask("a")).rejects.toMatchObject({ code: "unavailable" });
});

test("what is changed here is known at once", async () => {
  const { ask, known, existing } = setUp();
  await ask("a");
  existing.set("a", { active: false });
  known.forget("a");
  expect(await ask("a")).toMatchObject({ a: { active: false } });
});

test("what was asked before a change and comes after it isn't remembered", async () => {
  const { ask, known, existing, hold } = setUp();
  const { promise, resolve } = Promise.withResolvers<void>();
  hold(promise);
  const late = ask("a");
  existing.set("a", { active: false });
  known.forget("a");
  hold(undefined);
  resolve();
  await late;
  expect(await ask("a")).toMatchObject({ a: { active: false } });
});

test("the memory is bounded: the longest known goes", async () => {
  const { ask, asked, existing } = setUp(2);
  existing.set("c", {});
  for (const topic of ["a", "b", "c"]) await ask(topic);
  await ask("a", "b", "c");
  expect(asked).toEqual(["a", "b", "c", "a"]);
});
