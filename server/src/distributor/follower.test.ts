import fc from "fast-check";
import { expect, test } from "vitest";
import {
  type Follower,
  joinLive,
  type LiveSet,
  leaveLive,
  makeFollower,
  makeLiveSet,
  notLive,
} from "./follower.ts";
import type { Hub } from "./hub.ts";

const follower = (): Follower => makeFollower(null as unknown as Hub, null as never, 0, 0);

const consistent = (set: LiveSet): boolean =>
  set.members.every((member, index) => member.liveIndex === index);

test("invariant 4: a pass visits every member that stays exactly once, whoever joins and leaves meanwhile", () => {
  const turns = fc.array(
    fc.record({ visit: fc.nat(4), leave: fc.array(fc.nat(60), { maxLength: 4 }), join: fc.nat(3) }),
    {
      maxLength: 40,
    },
  );
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 40 }), turns, (size, plan) => {
      const set = makeLiveSet();
      const stayed = new Set<Follower>();
      const visits = new Map<Follower, number>();
      for (let n = 0; n < size; n++) {
        const one = follower();
        stayed.add(one);
        joinLive(set, one);
      }
      const visit = (most: number): void => {
        for (let n = 0; n < most && set.visited < set.members.length; n++) {
          const one = set.members[set.visited++] as Follower;
          visits.set(one, (visits.get(one) ?? 0) + 1);
        }
      };
      for (const turn of plan) {
        visit(turn.visit);
        for (const index of turn.leave) {
          const one = set.members[index % Math.max(1, set.members.length)];
          if (one === undefined) continue;
          leaveLive(set, one);
          stayed.delete(one);
        }
        for (let n = 0; n < turn.join; n++) joinLive(set, follower());
        expect(consistent(set)).toBe(true);
      }
      visit(Number.POSITIVE_INFINITY);
      for (const one of stayed) expect(visits.get(one)).toBe(1);
      for (const count of visits.values()) expect(count).toBe(1);
    }),
  );
});

test("leaving twice is leaving once", () => {
  const set = makeLiveSet();
  const one = follower();
  const other = follower();
  joinLive(set, one);
  joinLive(set, other);
  leaveLive(set, one);
  leaveLive(set, one);
  expect(set.members).toEqual([other]);
  expect(one.liveIndex).toBe(notLive);
});
