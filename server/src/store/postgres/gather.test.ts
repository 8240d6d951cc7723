import { expect, test } from "vitest";
import { makeGather } from "./gather.ts";

/** Runs that end when they are told to. */
function makeRuns() {
  const runs: {
    readonly items: readonly number[];
    readonly end: () => void;
    readonly fail: (error: Error) => void;
  }[] = [];
  const run = (_: string, items: readonly number[]): Promise<readonly string[]> =>
    new Promise((resolve, reject) => {
      runs.push({ items, end: () => resolve(items.map((item) => `of ${item}`)), fail: reject });
    });
  return { runs, run, turn: () => new Promise((resolve) => setImmediate(resolve)) };
}

test("calls of one turn run together, and each gets its own answer", async () => {
  const { runs, run } = makeRuns();
  const call = makeGather(run);
  const answers = Promise.all([call("a", 1), call("a", 2), call("b", 3)]);
  await Promise.resolve();
  expect(runs.map(({ items }) => items)).toEqual([[1, 2], [3]]);
  for (const { end } of runs) end();
  expect(await answers).toEqual(["of 1", "of 2", "of 3"]);
});

test("calls made while as many as may are under way run together when one has ended", async () => {
  const { runs, run, turn } = makeRuns();
  const call = makeGather(run, { abreast: 1 });
  const answers: Promise<string>[] = [];
  for (let at = 0; at < 5; at++) {
    answers.push(call("a", at));
    await turn();
  }
  expect(runs.map(({ items }) => items)).toEqual([[0]]);
  runs[0]!.end();
  await turn();
  expect(runs.map(({ items }) => items)).toEqual([[0], [1, 2, 3, 4]]);
  runs[1]!.end();
  expect(await Promise.all(answers)).toHaveLength(5);
});

test("at most so many run together, and at most so many runs are abreast", async () => {
  const { runs, run, turn } = makeRuns();
  const call = makeGather(run, { abreast: 2, most: 3 });
  const answers = Array.from({ length: 10 }, (_, at) => call("a", at));
  await turn();
  expect(runs.map(({ items }) => items)).toEqual([
    [0, 1, 2],
    [3, 4, 5],
  ]);
  for (let at = 0; at < 4; at++) {
    runs[at]!.end();
    await turn();
  }
  expect(runs.map(({ items }) => items.length)).toEqual([3, 3, 3, 1]);
  expect(await Promise.all(answers)).toHaveLength(10);
});

test("what fails rejects those who ran together, and the next run begins", async () => {
  const { runs, run, turn } = makeRuns();
  const call = makeGather(run, { abreast: 1 });
  const first = Promise.allSettled([call("a", 1), call("a", 2)]);
  await turn();
  const second = call("a", 3);
  runs[0]!.fail(new Error("broken"));
  expect((await first).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
  await turn();
  runs[1]!.end();
  expect(await second).toBe("of 3");
});

test("more calls than may wait are refused, and nothing is done", async () => {
  const { runs, run, turn } = makeRuns();
  const call = makeGather(run, { abreast: 1, most: 1 });
  const first = call("a", 0);
  await turn();
  const waiting = Array.from({ length: 16_384 }, (_, at) => call("a", at));
  await expect(call("a", -1)).rejects.toMatchObject({ code: "overloaded" });
  expect(runs).toHaveLength(1);
  runs[0]!.end();
  await first;
  await turn();
  expect(runs).toHaveLength(2);
  expect(waiting).toHaveLength(16_384);
});
