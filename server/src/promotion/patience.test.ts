import { expect, test } from "vitest";
import { makeManualClock } from "../../test/manual-clock.ts";
import { Failure } from "../errors.ts";
import { patiently } from "./patience.ts";

const away = () => Promise.reject(new Failure("unavailable", "away"));

function patience(patienceMs: number) {
  const clock = makeManualClock(0);
  const waits: number[] = [];
  const stop = new AbortController();
  const waiting = (_: Failure, delayMs: number): void => {
    waits.push(delayMs);
    queueMicrotask(() => clock.advance(delayMs));
  };
  return { clock, waits, stop, signal: stop.signal, patienceMs, waiting };
}

test("tries again what failed because a store is away, and says so", async () => {
  const given = patience(60_000);
  let calls = 0;
  expect(await patiently(given, () => (++calls < 4 ? away() : Promise.resolve("there")))).toBe("there");
  expect(given.waits).toHaveLength(3);
});

test("gives up at the end of its patience", async () => {
  const given = patience(3_000);
  await expect(patiently(given, away)).rejects.toMatchObject({ code: "unavailable" });
  expect(given.clock.now()).toBeGreaterThanOrEqual(3_000);
});

test("what is no outage is not repeated", async () => {
  const given = patience(60_000);
  await expect(
    patiently(given, () => Promise.reject(new Failure("corrupt", "damaged"))),
  ).rejects.toMatchObject({ code: "corrupt" });
  expect(given.waits).toEqual([]);
});

test("told to stop, it waits no longer", async () => {
  const given = patience(60_000);
  const call = patiently({ ...given, waiting: () => queueMicrotask(() => given.stop.abort()) }, away);
  await expect(call).rejects.toMatchObject({ code: "unavailable" });
});
