import { expect, onTestFinished, test } from "vitest";
import { makeManualClock } from "../../test/manual-clock.ts";
import { Failure } from "../errors.ts";
import { keepNothing, makeKeptLog } from "../log/conformance/kept.ts";
import { makeParts } from "./parts.ts";

const turns = async (): Promise<void> => {
  for (let at = 0; at < 20; at++) await new Promise((resolve) => setImmediate(resolve));
};

/** A store that stands ahead of two empty parts, as after the log was replaced, with the order to go on. */
function diverged() {
  const clock = makeManualClock();
  const log = makeKeptLog(2, keepNothing(2));
  const places = new Map([
    [0, "12"],
    [1, "7"],
  ]);
  const told = { epochs: 0, away: 0 };
  const parts = makeParts({
    log,
    streams: { progress: async (part) => places.get(part) ?? null },
    coordination: {
      async beginEpoch() {
        if (told.away-- > 0) throw new Failure("unavailable", "the store is away");
        return ++told.epochs;
      },
      async setProgress(part, next) {
        places.set(part, next);
      },
    },
    acceptRestore: true,
    clock,
    random: () => 0.5,
    consumer: async () => [],
    dropping: () => {},
    tookOver: () => {},
    events: {},
  });
  onTestFinished(() => parts.stop());
  return { parts, places, told, clock };
}

test("invariant 3: parts that diverged together go on in one new epoch", async () => {
  const { parts, places, told } = diverged();
  await Promise.all([parts.take(0), parts.take(1)]);
  expect(told.epochs).toBe(1);
  expect([...places.values()]).toEqual(["0", "0"]);
  expect(parts.troubles().size).toBe(0);
});

test("a store that is away when the new epoch should begin is asked again", async () => {
  const { parts, told, clock } = diverged();
  told.away = 1;
  await parts.take(0);
  expect(parts.troubles().get(0)).toMatch(/away/);
  clock.advance(5_000);
  await turns();
  expect(told.epochs).toBe(1);
  expect(parts.troubles().size).toBe(0);
});

test("invariant 3: a part that diverges once more goes on in another epoch", async () => {
  const { parts, places, told } = diverged();
  await Promise.all([parts.take(0), parts.take(1)]);
  places.set(0, "30");
  parts.seek(0);
  await turns();
  expect(told.epochs).toBe(2);
  places.set(1, "30");
  parts.seek(1);
  await turns();
  expect(told.epochs).toBe(2);
});
