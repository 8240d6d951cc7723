import { expect, test } from "vitest";
import { watchStore } from "./store-watch.ts";

function stage(everyMs: number | null = null) {
  const changes: (string | null)[] = [];
  const delays: number[] = [];
  const answers: ((there: boolean) => void)[] = [];
  let later: (() => void) | null = null;
  const clock = {
    after(delayMs: number, run: () => void) {
      delays.push(delayMs);
      later = run;
      return () => {
        later = null;
      };
    },
  };
  const watch = watchStore({
    clock,
    ask: () =>
      new Promise<void>((resolve, reject) =>
        answers.push((there) => (there ? resolve() : reject(new Error("away")))),
      ),
    everyMs,
    changed: (problem) => changes.push(problem),
  });
  const tick = () => {
    const run = later;
    later = null;
    run?.();
    return run !== null;
  };
  const answer = async (there: boolean) => {
    answers.shift()!(there);
    await Promise.resolve();
    await Promise.resolve();
  };
  return { watch, tick, answer, changes, delays };
}

test("not ready from the breakdown until the store has answered", async () => {
  const { watch, tick, answer } = stage();
  expect(watch.problem()).toBeNull();
  watch.broke(new Error("the writer died"));
  expect(watch.problem()).toBe("the writer died");
  expect(tick()).toBe(true);
  await answer(false);
  expect(watch.problem()).toBe("away");
  expect(tick()).toBe(true);
  await answer(true);
  expect(watch.problem()).toBeNull();
  expect(tick()).toBe(false);
});

test("it asks nothing more once it was stopped", async () => {
  const { watch, tick, answer } = stage();
  watch.broke(new Error("the writer hangs"));
  tick();
  await watch.stop();
  await answer(false);
  expect(tick()).toBe(false);
});

test("a store over a network is asked all the time, and its comings and goings are told once each", async () => {
  const { watch, tick, answer, changes, delays } = stage(2_000);
  await watch.start();
  for (const there of [true, false, false, true, true]) {
    expect(tick()).toBe(true);
    await answer(there);
  }
  expect(changes).toEqual(["away", null]);
  expect(delays).toEqual([2_000, 2_000, 250, 250, 2_000, 2_000]);
});
