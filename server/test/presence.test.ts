/** Presence over processes that share a bus: each a distributor, or none; and over a bus that loses everything. */
import { describe, expect, test } from "vitest";
import type { BusMessage, PresentSession } from "../src/bus/driver.ts";
import { lingerMs, makeLingering } from "../src/live/presence.ts";
import { openPresence, type Presence } from "../src/receiver/presence.ts";
import { makeManualClock } from "./manual-clock.ts";

const session = (name: string, some: Partial<PresentSession> = {}): PresentSession => ({
  session: name,
  transport: "websocket",
  since: 1_000,
  device: null,
  lingers: false,
  ...some,
});

/** Processes by the sessions that they have; `carries` says how often a message arrives. */
function processes(
  has: readonly (readonly PresentSession[])[],
  carries: (message: BusMessage) => number = () => 1,
) {
  const clock = makeManualClock();
  const all: Presence[] = [];
  const names = has.map((_, at) => `p${at}`);
  const publish = (messages: readonly BusMessage[]): void => {
    for (const message of messages) {
      if (message.type !== "asked" && message.type !== "present") continue;
      for (let copy = 0; copy < carries(message); copy++)
        all.forEach((one, at) => {
          if (message.type === "asked" || message.stream.endsWith(`.${names[at]}`)) one.heard(message);
        });
    }
  };
  for (const [at, sessions] of has.entries()) {
    const sessionsOf = (user: string) => (user === "ann" ? sessions : []);
    const bus = { publish, subscribe: async () => {} };
    all.push(openPresence({ bus, clock, asker: names[at]!, sessionsOf, isShared: true }));
  }
  return async (asker: number, user = "ann") => {
    const asked = all[asker]!.of(user);
    clock.advance(300);
    return asked;
  };
}

test("every process tells its sessions, to whichever asks, the longest here first", async () => {
  const [one, two, three] = [
    session("a-1", { since: 3 }),
    session("b-1", { since: 1 }),
    session("b-2", { since: 2 }),
  ];
  const ask = processes([[one], [two, three], []]);
  for (const asker of [0, 1, 2])
    expect(await ask(asker)).toEqual({ count: 3, sessions: [two, three, one], complete: true });
  expect(await ask(0, "bob")).toEqual({ count: 0, sessions: [], complete: true });
});

test("of very many sessions 16 of a process are told, and all are counted", async () => {
  const many = (process: string, count: number) =>
    Array.from({ length: count }, (_, at) => session(`${process}-${at}`));
  const ask = processes([many("a", 64), many("b", 20), []]);
  expect(await ask(2)).toMatchObject({ count: 84, complete: true });
  expect((await ask(2)).sessions).toHaveLength(32);
  const crowd = processes(Array.from({ length: 10 }, (_, at) => many(`p${at}`, 16)));
  expect((await crowd(0)).sessions).toHaveLength(100);
});

test("invariant 9: what the bus loses makes the answer incomplete and never wrong, what it repeats changes nothing", async () => {
  const here = session("a-1");
  expect(await processes([[here], [session("b-1")]], () => 0)(0)).toEqual({
    count: 1,
    sessions: [here],
    complete: false,
  });
  expect(await processes([[here], [session("b-1")]], () => 2)(0)).toMatchObject({ count: 2, complete: true });
});

test("a poll that lingers here and goes on there is one session", async () => {
  const lingers = session("a-1", { transport: "poll", lingers: true });
  const goesOn = session("b-1", { transport: "poll" });
  expect((await processes([[lingers], [goesOn]])(0)).sessions).toEqual([goesOn]);
  expect(await processes([[lingers], [{ ...lingers, session: "b-1" }]])(0)).toMatchObject({ count: 1 });
  expect(await processes([[lingers], [{ ...goesOn, device: "phone" }]])(0)).toMatchObject({ count: 2 });
});

describe("polls that have ended", () => {
  const poll = (name: string, device: string | null = null, since = 1) =>
    session(name, { transport: "poll", device, since });

  test("linger for a while, since the first of them, unless the next is under way", () => {
    const clock = makeManualClock();
    const lingering = makeLingering(clock, 100);
    lingering.left("ann", poll("1", null, 5));
    clock.advance(lingerMs - 1);
    lingering.left("ann", poll("2", null, 9));
    expect(lingering.of("ann", [])).toEqual([{ ...poll("2", null, 5), lingers: true }]);
    expect(lingering.of("ann", [poll("3")])).toEqual([]);
    expect(lingering.of("ann", [session("w")])).toHaveLength(1);
    expect(lingering.of("bob", [])).toEqual([]);
    clock.advance(lingerMs);
    expect(lingering.of("ann", [])).toEqual([]);
    lingering.left("ann", poll("4", null, 20));
    expect(lingering.of("ann", [])).toEqual([{ ...poll("4", null, 20), lingers: true }]);
  });

  test("are bounded: those that left first go first", () => {
    const lingering = makeLingering(makeManualClock(), 3);
    for (let at = 0; at < 10; at++) lingering.left(`u${at}`, poll(String(at)));
    const here = Array.from({ length: 10 }, (_, at) => lingering.of(`u${at}`, []).length);
    expect(here.reduce((sum, one) => sum + one)).toBe(3);
    expect(here.slice(7)).toEqual([1, 1, 1]);
  });
});
