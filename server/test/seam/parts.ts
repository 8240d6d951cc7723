import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import type { BusDriver, BusListener, BusMessage } from "../../src/bus/driver.ts";
import { Failure } from "../../src/errors.ts";
import type { DirectoryDriver } from "../../src/store/directory.ts";
import type { PositionsDriver } from "../../src/store/positions.ts";
import { Kind, type Row, type StreamsDriver } from "../../src/store/streams.ts";
import type { Dice, Schedule } from "./schedule.ts";

/** One stream as it truly is: every row ever committed stays here for the audit. */
export interface TrueStream {
  rows: Row[];
  trimmed: number;
  rev: number;
}

/** The store of the model: correct, and as late or unavailable as a real one may be. */
export interface TrueStore {
  readonly streams: Map<StreamName, TrueStream>;
  readonly follows: Map<string, Map<string, number>>;
  /** Every place from which a user ever began to follow a topic: "user topic:name seq". */
  readonly begun: Set<string>;
  /** The share of calls that fail. */
  failing: number;
  epoch: number;
  of(stream: StreamName): TrueStream;
  readonly driver: Pick<StreamsDriver, "read" | "heads">;
  readonly directory: Pick<DirectoryDriver, "subscriptions">;
  readonly positions: PositionsDriver;
}

export function makeTrueStore(dice: Dice, schedule: Schedule): TrueStore {
  const streams = new Map<StreamName, TrueStream>();
  const follows = new Map<string, Map<string, number>>();

  function of(stream: StreamName): TrueStream {
    const known = streams.get(stream) ?? { rows: [], trimmed: 0, rev: 0 };
    streams.set(stream, known);
    return known;
  }

  /** The answer is true for some moment between the call and its arrival. */
  function answer<T>(make: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      schedule.later(() => {
        if (dice.chance(store.failing)) {
          schedule.later(() => reject(new Failure("unavailable", "away")));
          return;
        }
        const value = make();
        schedule.later(() => resolve(value));
      });
    });
  }

  const store: TrueStore = {
    streams,
    follows,
    begun: new Set(),
    failing: 0,
    epoch: 1,
    of,
    driver: {
      read: (stream, after, limit) =>
        answer(() => {
          const { rows, trimmed } = of(stream);
          const from = Math.max(after, trimmed);
          return { first: trimmed + 1, head: rows.length, rows: rows.slice(from, from + limit) };
        }),
      heads: (names) =>
        answer(() => ({
          epoch: store.epoch,
          heads: names.map((name) => {
            const { rows, trimmed, rev } = of(name);
            return { head: rows.length, first: trimmed + 1, rev, receiptSeq: 0 };
          }),
        })),
    },
    directory: {
      subscriptions: (user) =>
        answer(() => [...(follows.get(user) ?? [])].map(([topic, since]) => ({ topic, since }))),
    },
    positions: {
      saveDevices: async () => {},
      findDevice: async () => null,
      acknowledge: async () => {},
      receipts: async () => ({ total: 0, users: [] }),
    },
  };
  return store;
}

export interface BusOdds {
  /** In order and at once, as within one process. */
  readonly local: boolean;
  readonly lose: number;
  readonly repeat: number;
}

/** The bus of the model: loses, repeats, reorders and delays. */
export interface LossyBus {
  readonly driver: BusDriver;
  publish(message: BusMessage): void;
}

export function makeLossyBus(dice: Dice, schedule: Schedule, odds: BusOdds): LossyBus {
  const subscribed = new Set<StreamName>();
  let listener: BusListener | null = null;

  function publish(message: BusMessage): void {
    if (odds.local) return deliver(message);
    const copies = dice.chance(odds.lose) ? 0 : dice.chance(odds.repeat) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      schedule.later(() => deliver(message));
    }
  }

  function deliver(message: BusMessage): void {
    if (subscribed.has(message.stream)) listener?.message(message);
  }

  return {
    publish,
    driver: {
      async start(started) {
        listener = started;
      },
      async stop() {
        listener = null;
      },
      publish: (messages) => messages.forEach(publish),
      subscribe: (stream) =>
        new Promise((resolve) => {
          schedule.later(() => {
            subscribed.add(stream);
            schedule.later(resolve);
          });
        }),
      unsubscribe: (stream) => void subscribed.delete(stream),
    },
  };
}

/** What producers and upkeep do to the true store, and what the director would say on the bus. */
export interface Writes {
  publish(stream: StreamName, count: number): void;
  withdraw(stream: StreamName): void;
  trim(stream: StreamName): void;
  follow(user: string, topic: string): void;
  unfollow(user: string, topic: string): void;
}

export function makeWrites(
  dice: Dice,
  schedule: Schedule,
  store: TrueStore,
  say: (message: BusMessage) => void,
): Writes {
  function publish(stream: StreamName, count: number): void {
    const of = store.of(stream);
    const rows: Row[] = [];
    for (let n = 0; n < count; n++) {
      const seq = of.rows.length + 1;
      const expiresAt = dice.chance(0.1) ? schedule.clock.now() + dice.int(20_000) - 5_000 : null;
      const row: Row = { seq, kind: Kind.counted, expiresAt, receipt: false, body: `{"id":"${seq}"}` };
      of.rows.push(row);
      rows.push(row);
    }
    say(
      dice.chance(0.1)
        ? { type: "head", stream, head: of.rows.length }
        : { type: "rows", stream, rows, acceptedAt: schedule.clock.now(), committedAt: schedule.clock.now() },
    );
  }

  function touch(stream: StreamName): void {
    const of = store.of(stream);
    of.rev++;
    say({ type: "changed", stream, rev: of.rev });
  }

  return {
    publish,
    withdraw(stream) {
      const of = store.of(stream);
      const row = of.rows[dice.int(of.rows.length)];
      if (row === undefined || row.seq <= of.trimmed) return;
      of.rows[row.seq - 1] = { ...row, kind: Kind.tombstone, body: null };
      of.rev++;
      say({ type: "withdrawn", stream, seq: row.seq, rev: of.rev });
    },
    trim(stream) {
      const of = store.of(stream);
      of.trimmed += dice.int(of.rows.length - of.trimmed + 1);
    },
    follow(user, topic) {
      const mine = store.follows.get(user) ?? new Map<string, number>();
      store.follows.set(user, mine);
      if (!mine.has(topic)) {
        const since = store.of(topicStream(topic)).rows.length;
        mine.set(topic, since);
        store.begun.add(`${user} ${topicStream(topic)} ${since}`);
      }
      touch(userStream(user));
    },
    unfollow(user, topic) {
      store.follows.get(user)?.delete(topic);
      touch(userStream(user));
    },
  };
}
