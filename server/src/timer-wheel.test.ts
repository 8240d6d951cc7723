import { expect, test } from "vitest";
import type { Clock } from "./clock.ts";
import { makeTimerWheel, notOnWheel, type WheelEntry } from "./timer-wheel.ts";

function stepped(): { clock: Clock; pass(ms: number): void } {
  let now = 0;
  let timers: { at: number; run: () => void }[] = [];
  return {
    clock: {
      now: () => now,
      soon: (run) => run(),
      after(ms, run) {
        const timer = { at: now + ms, run };
        timers.push(timer);
        return () => {
          timers = timers.filter((other) => other !== timer);
        };
      },
    },
    pass(ms) {
      for (const end = now + ms; ; ) {
        const next = timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0];
        if (next === undefined) {
          now = end;
          return;
        }
        now = next.at;
        timers = timers.filter((other) => other !== next);
        next.run();
      }
    },
  };
}

const entry = (due: (now: number) => number): WheelEntry => ({
  due,
  wheelSlot: notOnWheel,
  wheelIndex: 0,
  wheelDueAt: 0,
});

test("an entry falls due within a tick, again and again, until it says never", () => {
  const { clock, pass } = stepped();
  const wheel = makeTimerWheel(clock, 100, 16);
  wheel.start();
  const times: number[] = [];
  wheel.add(
    entry((now) => (times.push(now) < 3 ? 5_000 : 0)),
    250,
  );
  pass(60_000);
  expect(times).toEqual([300, 5_300, 10_300]);
  expect(wheel.size()).toBe(0);
});

test("a removed entry is never due, whoever removes it", () => {
  const { clock, pass } = stepped();
  const wheel = makeTimerWheel(clock, 100, 16);
  wheel.start();
  const seen: string[] = [];
  const second = entry(() => {
    seen.push("second");
    return 0;
  });
  const first = entry(() => {
    seen.push("first");
    wheel.remove(second);
    return 0;
  });
  const third = entry(() => {
    seen.push("third");
    return 0;
  });
  wheel.add(first, 50);
  wheel.add(second, 150);
  wheel.add(third, 150);
  pass(1_000);
  expect(seen).toEqual(["first", "third"]);
});

test("delays longer than a turn of the wheel are kept", () => {
  const { clock, pass } = stepped();
  const wheel = makeTimerWheel(clock, 100, 8);
  wheel.start();
  const times: number[] = [];
  wheel.add(
    entry((now) => {
      times.push(now);
      return 0;
    }),
    10_000,
  );
  pass(30_000);
  expect(times.length).toBe(1);
  expect(times[0]).toBeGreaterThanOrEqual(10_000);
  expect(times[0]).toBeLessThanOrEqual(10_100);
});
