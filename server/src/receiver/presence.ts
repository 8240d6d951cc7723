/**
 * Who is here: every process that has sessions of a user is asked over the bus, and answers what it has. Nothing is
 * kept. Any process may ask, also one without sessions.
 */
import {
  answersTo,
  type BusDriver,
  type BusMessage,
  everywhere,
  type PresentSession,
} from "../bus/driver.ts";
import type { Clock } from "../clock.ts";
import type { Service } from "../lifecycle.ts";

/** The sessions of this process; a process without a distributor has none. */
export type SessionsOf = (user: string) => readonly PresentSession[];

export interface Present {
  /** How many sessions there are. */
  readonly count: number;
  /** The longest here first; of each process at most 16, 100 in all. */
  readonly sessions: readonly PresentSession[];
  /** False where the bus didn't carry the question there and back: others may have sessions that aren't told. */
  readonly complete: boolean;
}

export interface Presence extends Service {
  /** Resolves within 300 ms. */
  of(user: string): Promise<Present>;
  heard(message: Extract<BusMessage, { type: "asked" | "present" }>): void;
}

export interface PresenceDeps {
  readonly bus: Pick<BusDriver, "publish" | "subscribe">;
  readonly clock: Clock;
  /** Names this process among those that share the bus: letters, digits and hyphens. */
  readonly asker: string;
  readonly sessionsOf: SessionsOf;
  /** Other processes may have sessions too. */
  readonly isShared: boolean;
}

const gatherMs = 300;
const perProcess = 16;
const sessionsMost = 100;

type Answer = Pick<Extract<BusMessage, { type: "present" }>, "count" | "sessions">;

interface Asking {
  /** By the first session in each: the bus may repeat. */
  readonly answers: Map<string, Answer>;
  echoed: boolean;
}

const byAge = (one: PresentSession, other: PresentSession): number => one.since - other.since;

/** Of polls that linger in one process and go on in another, those that go on count. */
function gathered(answers: readonly Answer[], complete: boolean): Present {
  const all = answers.flatMap(({ sessions }) => sessions);
  const polling = new Set(
    all.filter(({ transport, lingers }) => transport === "poll" && !lingers).map(({ device }) => device),
  );
  const told = new Set<string | null>();
  const sessions = all.toSorted(byAge).filter(({ device, lingers }) => {
    if (!lingers) return true;
    if (polling.has(device) || told.has(device)) return false;
    told.add(device);
    return true;
  });
  const untold = answers.reduce((sum, answer) => sum + answer.count - answer.sessions.length, 0);
  return { count: sessions.length + untold, sessions: sessions.slice(0, sessionsMost), complete };
}

export function openPresence({ bus, clock, asker, sessionsOf, isShared }: PresenceDeps): Presence {
  const stream = answersTo(asker);
  const asking = new Map<string, Asking>();
  let serial = 0;

  const here = (user: string): Answer => {
    const sessions = sessionsOf(user);
    return { count: sessions.length, sessions: sessions.toSorted(byAge).slice(0, perProcess) };
  };

  return {
    name: "presence",
    start: () => (isShared ? bus.subscribe(stream) : Promise.resolve()),
    stop: async () => {},

    /** Its own answer comes back by the bus with no sessions in it: those are known better here. */
    async of(user) {
      if (!isShared) return gathered([here(user)], true);
      const id = String(serial++);
      const mine: Asking = { answers: new Map(), echoed: false };
      asking.set(id, mine);
      bus.publish([{ type: "asked", stream: everywhere, asker, id, user }]);
      await new Promise<void>((resolve) => void clock.after(gatherMs, resolve));
      asking.delete(id);
      return gathered([here(user), ...mine.answers.values()], mine.echoed);
    },

    heard(message) {
      if (message.type === "present") {
        const mine = asking.get(message.id);
        if (mine === undefined) return;
        const [first] = message.sessions;
        if (first === undefined) mine.echoed = true;
        else mine.answers.set(first.session, message);
        return;
      }
      const { id, user } = message;
      const isOwn = message.asker === asker;
      const answer = isOwn ? { count: 0, sessions: [] } : here(user);
      if (isOwn || answer.count > 0)
        bus.publish([{ type: "present", stream: answersTo(message.asker), id, ...answer }]);
    },
  };
}
