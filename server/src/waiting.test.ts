import { expect, test } from "vitest";
import { Failure } from "./errors.ts";
import { makeWaiting } from "./waiting.ts";

function scene() {
  const told: string[] = [];
  const delays: number[] = [];
  const stop = new AbortController();
  const waiting = makeWaiting({
    clock: {
      after(delayMs, run) {
        delays.push(delayMs);
        setImmediate(run);
        return () => {};
      },
    },
    signal: stop.signal,
    random: () => 1,
    told: (what, failure, attempts) => told.push(`${what} ${attempts}: ${failure.message}`),
  });
  return { waiting, told, delays, stop };
}

const away = () => Promise.reject(new Failure("unavailable", "nobody listens"));

test("what isn't there yet is waited for, told now and then, and shown meanwhile", async () => {
  const { waiting, told, delays } = scene();
  let attempts = 0;
  const problems: (string | null)[] = [];
  const value = await waiting.until("the store", () => {
    problems.push(waiting.problem());
    return ++attempts < 10 ? away() : Promise.resolve("here");
  });
  expect(value).toBe("here");
  expect(problems.slice(0, 2)).toEqual([null, "waits for the store: nobody listens"]);
  expect(waiting.problem()).toBeNull();
  expect(told).toEqual(["the store 1: nobody listens", "the store 9: nobody listens"]);
  expect(delays.slice(0, 6)).toEqual([250, 500, 1_000, 2_000, 4_000, 5_000]);
});

test("what waiting won't mend is told at once", async () => {
  const { waiting, delays } = scene();
  const foreign = new Failure("foreign", "of a later version");
  await expect(waiting.until("the store", () => Promise.reject(foreign))).rejects.toBe(foreign);
  expect(delays).toEqual([]);
});

test("waiting ends when the process is told to stop", async () => {
  const { waiting, stop } = scene();
  let attempts = 0;
  const waited = waiting.until("the log", () => {
    if (++attempts === 3) stop.abort();
    return away();
  });
  await expect(waited).rejects.toMatchObject({ code: "stopped" });
  expect(attempts).toBe(3);
});
