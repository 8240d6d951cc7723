import { expect, test } from "vitest";
import { watchLog } from "./log-watch.ts";

function setUp() {
  const state = { now: 0, recoveries: [] as number[] };
  const watch = watchLog({
    clock: { now: () => state.now },
    graceMs: 5_000,
    recovered: (awayMs) => state.recoveries.push(awayMs),
  });
  return { state, watch };
}

test("trouble without success for a while is an outage, and the first success ends it", () => {
  const { state, watch } = setUp();
  watch.troubled("broker 1 refused");
  expect(watch.problem()).toBeNull();
  state.now = 4_000;
  watch.troubled("broker 1 is gone");
  expect(watch.problem()).toBeNull();
  state.now = 5_000;
  expect(watch.problem()).toBe("broker 1 is gone");
  state.now = 9_000;
  watch.worked();
  expect(watch.problem()).toBeNull();
  expect(state.recoveries).toEqual([9_000]);
  watch.worked();
  expect(state.recoveries).toEqual([9_000]);
});

test("one broker of several that fails is no outage", () => {
  const { state, watch } = setUp();
  for (state.now = 0; state.now < 60_000; state.now += 1_000) {
    watch.troubled("broker 3 is gone");
    expect(watch.problem()).toBeNull();
    watch.worked();
  }
  expect(state.recoveries).toEqual([]);
});
