import { expect, test } from "vitest";
import { watchStore } from "./store-watch.ts";

function stage() {
  const answers: ((there: boolean) => void)[] = [];
  let later: (() => void) | null = null;
  const clock = {
    after(_delayMs: number, run: () => void) {
      later = run;
      return () => {
        later = null;
      };
    },
  };
  const watch = watchStore(
    clock,
    () =>
      new Promise<void>((resolve, reject) =>
        answers.push((there) => (there ? resolve() : reject(new Error("away")))),
      ),
  );
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
  return { watch, tick, answer };
}

test("not ready from the breakdown until the store has answered", async () => {
  const { watch, tick, answer } = stage();
  expect(watch.problem()).toBeNull();
  watch.broke(new Error("the writer died"));
  expect(watch.problem()).toBe("the writer died");
  expect(tick()).toBe(true);
  await answer(false);
  expect(watch.problem()).toBe("the writer died");
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
