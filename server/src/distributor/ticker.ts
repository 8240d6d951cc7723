import type { Clock } from "../clock.ts";
import type { Hub } from "./hub.ts";

/** A session with bytes to write. */
export interface Flushable {
  /** Writes what is queued, in one call to the transport. */
  flush(): void;
}

/**
 * Decides what happens in which turn of the loop: hubs with new rows are passed, then every session that got
 * something is flushed once, whatever number of hubs it got it from. A pass over a huge topic is cut into
 * slices, so that others get their turn in between.
 */
export interface Ticker {
  dirty(hub: Hub): void;
  flushSoon(session: Flushable): void;
}

const sliceVisits = 1000;

export function makeTicker(clock: Clock): Ticker {
  let hubs: Hub[] = [];
  let sessions: Flushable[] = [];
  let scheduled = false;

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    clock.soon(turn);
  }

  function passSome(): void {
    let visits = sliceVisits;
    let done = 0;
    const again: Hub[] = [];
    while (visits > 0 && done < hubs.length) {
      const hub = hubs[done] as Hub;
      visits -= hub.pass(visits) + 1;
      if (!hub.passed()) break;
      done++;
      hub.endPass();
      if (hub.again) again.push(hub);
      else hub.passing = false;
      hub.again = false;
    }
    hubs = done === hubs.length ? again : [...hubs.slice(done), ...again];
  }

  function turn(): void {
    scheduled = false;
    passSome();
    const due = sessions;
    sessions = [];
    for (const session of due) session.flush();
    if (hubs.length > 0 || sessions.length > 0) schedule();
  }

  return {
    dirty(hub) {
      if (hub.passing) {
        hub.again ||= hub.live.visited > 0;
        return;
      }
      hub.passing = true;
      hubs.push(hub);
      schedule();
    },
    flushSoon(session) {
      sessions.push(session);
      schedule();
    },
  };
}
