/**
 * Who is here, of this process's sessions: computed when it is asked, kept nowhere. A client that polls is here between
 * two polls too: the last one lingers for a while.
 */
import type { PresentSession } from "../bus/driver.ts";
import type { Clock } from "../clock.ts";

export interface Lingering {
  /** A poll has ended: the client is expected back. */
  left(user: string, session: PresentSession): void;
  /** The user was erased. */
  forget(user: string): void;
  /** The polls of a user that linger and of whose device none is under way. */
  of(user: string, live: readonly PresentSession[]): readonly PresentSession[];
}

/** For longer than it takes to come back; those who don't are gone. */
export const lingerMs = 30_000;

interface Left {
  readonly user: string;
  readonly session: PresentSession;
  readonly until: number;
}

const deviceOf = ({ device }: PresentSession): string => device ?? "";

export function makeLingering(clock: Pick<Clock, "now">, most: number): Lingering {
  /** In the order in which they left, so that those whose time is over come first. One a user and device. */
  const polls = new Map<string, Left>();
  const devices = new Map<string, Set<string>>();
  const keyOf = (user: string, device: string): string => `${user} ${device}`;

  function forget(key: string, { user, session }: Left): void {
    polls.delete(key);
    const of = devices.get(user);
    of?.delete(deviceOf(session));
    if (of?.size === 0) devices.delete(user);
  }

  function sweep(): void {
    const now = clock.now();
    for (const [key, left] of polls) {
      if (left.until > now && polls.size <= most) return;
      forget(key, left);
    }
  }

  return {
    left(user, session) {
      const key = keyOf(user, deviceOf(session));
      const before = polls.get(key);
      polls.delete(key);
      const since =
        before === undefined || before.until <= clock.now() ? session.since : before.session.since;
      polls.set(key, { user, session: { ...session, since, lingers: true }, until: clock.now() + lingerMs });
      const of = devices.get(user) ?? new Set();
      devices.set(user, of.add(deviceOf(session)));
      sweep();
    },

    forget(user) {
      for (const device of devices.get(user) ?? []) polls.delete(keyOf(user, device));
      devices.delete(user);
    },

    of(user, live) {
      sweep();
      const polling = new Set(live.filter(({ transport }) => transport === "poll").map(deviceOf));
      return [...(devices.get(user) ?? [])].flatMap((device) => {
        const left = polls.get(keyOf(user, device));
        return left === undefined || polling.has(device) ? [] : [left.session];
      });
    },
  };
}
