import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, onTestFinished, test } from "vitest";
import { ownByLease, shareOf } from "../src/director/ownership.ts";
import { makeFaults } from "../src/store/sqlite/faults.ts";
import { openSqlite } from "../src/store/sqlite/open.ts";
import { makeManualClock } from "./manual-clock.ts";

async function scene(parts: number) {
  const directory = mkdtempSync(join(tmpdir(), "carillon-ownership-"));
  const faults = makeFaults();
  const store = await openSqlite({ directory, identityWindowMs: 86_400_000, faults: faults.buffer });
  onTestFinished(async () => {
    await store.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const holders = new Map<number, string>();
  const doubles: number[] = [];
  let away: string | null = null;
  let logIsAway = false;

  const enter = async (owner: string) => {
    const clock = makeManualClock();
    const failures: unknown[] = [];
    let rounds = 0;
    let look = (): void => {};
    const unlessAway =
      <A extends unknown[], T>(call: (...args: A) => Promise<T>) =>
      (...args: A): Promise<T> =>
        away === owner ? Promise.reject(new Error("away")) : call(...args);
    const ownership = ownByLease({
      coordination: {
        claim: unlessAway(store.coordination.claim),
        release: unlessAway(store.coordination.release),
        leases: unlessAway(store.coordination.leases),
      },
      parts,
      owner,
      clock: {
        after(delayMs, run) {
          rounds++;
          look();
          return clock.after(delayMs, run);
        },
      },
      failed: (failure) => failures.push(failure),
    });
    const hands = {
      async take(part: number) {
        if (holders.has(part)) doubles.push(part);
        holders.set(part, owner);
        if (logIsAway) await new Promise(() => {});
      },
      async drop(part: number) {
        if (holders.get(part) === owner) holders.delete(part);
      },
    };
    await ownership.start(hands);
    return {
      ownership,
      failures,
      /** Another round, to its end. */
      async round() {
        const before = rounds;
        const done = new Promise<void>((resolve) => {
          look = () => {
            if (rounds > before) resolve();
          };
        });
        clock.advance(3_000);
        await done;
      },
    };
  };
  return {
    enter,
    holders,
    doubles,
    passes: (ms: number) => faults.advance(ms),
    cutOff(owner: string | null) {
      away = owner;
    },
    loseLog() {
      logIsAway = true;
    },
  };
}

describe("ownership", () => {
  test("shares add up to all parts, and differ by one at most", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 500 }),
        fc.uniqueArray(fc.string({ minLength: 1 }), { minLength: 1, maxLength: 40 }),
        (parts, members) => {
          const shares = members.map((member) => shareOf(parts, members, member));
          expect(shares.reduce((sum, share) => sum + share, 0)).toBe(parts);
          expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
        },
      ),
    );
    expect(shareOf(5, ["a"], "b")).toBe(0);
  });

  test("invariant 12: parts spread evenly as directors come and go, none held by two at a time", async () => {
    const { enter, holders, doubles } = await scene(8);
    const a = await enter("a");
    expect(a.ownership.held()).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    const b = await enter("b");
    expect(b.ownership.held()).toEqual([]);
    await a.round();
    await b.round();
    expect([a.ownership.held().length, b.ownership.held().length]).toEqual([4, 4]);
    const c = await enter("c");
    for (const one of [a, b, c]) await one.round();
    expect([a, b, c].map((one) => one.ownership.held().length)).toEqual([3, 3, 2]);
    await a.ownership.stop();
    for (const one of [b, c, b, c]) await one.round();
    expect([b, c].map((one) => one.ownership.held().length)).toEqual([4, 4]);
    expect(holders.size).toBe(8);
    expect(doubles).toEqual([]);
  });

  test("invariant 13: leases are renewed while the log keeps parts that were taken waiting", async () => {
    const { enter, passes, loseLog } = await scene(4);
    const a = await enter("a");
    const b = await enter("b");
    for (const one of [a, b]) await one.round();
    await b.ownership.stop();
    loseLog();
    for (let round = 0; round < 5; round++) {
      await a.round();
      passes(6_000);
    }
    const c = await enter("c");
    expect(c.ownership.held()).toEqual([]);
    expect(a.ownership.held()).toEqual([0, 1, 2, 3]);
  });

  test("invariant 13: a dead director's parts are taken over once its leases have run out", async () => {
    const { enter, passes, cutOff } = await scene(4);
    const a = await enter("a");
    const b = await enter("b");
    await a.round();
    await b.round();
    expect(b.ownership.held().length).toBe(2);
    cutOff("a");
    passes(9_000);
    await b.round();
    expect(b.ownership.held().length).toBe(2);
    passes(2_000);
    await b.round();
    expect(b.ownership.held()).toEqual([0, 1, 2, 3]);
    cutOff(null);
    await a.round();
    expect(a.ownership.held()).toEqual([]);
  });

  test("a director that can't renew goes on with what it has, and says so", async () => {
    const { enter, cutOff } = await scene(4);
    const a = await enter("a");
    cutOff("a");
    await a.round();
    expect(a.ownership.held()).toEqual([0, 1, 2, 3]);
    expect(a.failures).toHaveLength(1);
  });
});
