import type { Clock } from "../../src/clock.ts";

/** A small seeded generator (mulberry32): the same seed plays the same game. */
export interface Dice {
  /** From 0 to 1. */
  roll(): number;
  /** A whole number from 0 to `below - 1`. */
  int(below: number): number;
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
}

export function makeDice(seed: number): Dice {
  let state = seed >>> 0;
  const roll = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number): number => Math.floor(roll() * below);
  return {
    roll,
    int,
    chance: (probability) => roll() < probability,
    pick: (items) => items[int(items.length)] as (typeof items)[number],
  };
}

/**
 * What happens next is drawn from all that could: answers of the store, messages of the bus, sockets that
 * drain, turns of the loop. Time passes only when it is told to.
 */
export interface Schedule {
  readonly clock: Clock;
  /** Something that may happen any time from now, in any order with the rest. */
  later(run: () => void): void;
  /** One thing that could happen, happens. False when there was nothing. */
  step(): Promise<boolean>;
  /** Runs everything that is due, in order of arrival, until nothing is left. */
  settle(): Promise<void>;
  /** Lets time pass; timers that fall due may run from then on. */
  advance(ms: number): void;
}

const microtasks = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

export function makeSchedule(dice: Dice): Schedule {
  let tasks: (() => void)[] = [];
  let timers: { at: number; run: () => void }[] = [];
  let now = 1_700_000_000_000;

  function ripe(): void {
    const due = timers.filter((timer) => timer.at <= now);
    if (due.length === 0) return;
    timers = timers.filter((timer) => timer.at > now);
    for (const timer of due) tasks.push(timer.run);
  }

  const clock: Clock = {
    now: () => now,
    after(delayMs, run) {
      const timer = { at: now + delayMs, run };
      timers.push(timer);
      return () => {
        timers = timers.filter((other) => other !== timer);
        tasks = tasks.filter((task) => task !== run);
      };
    },
    soon: (run) => void tasks.push(run),
  };

  async function take(index: number): Promise<boolean> {
    const [task] = tasks.splice(index, 1);
    if (task === undefined) return false;
    task();
    await microtasks();
    ripe();
    return true;
  }

  return {
    clock,
    later: (run) => void tasks.push(run),
    step: () => take(dice.int(tasks.length)),
    async settle() {
      await microtasks();
      while (await take(0));
    },
    advance(ms) {
      now += ms;
      ripe();
    },
  };
}
