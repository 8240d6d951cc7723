import { isMarked, type Mark, type MarkKind } from "@carillon/protocol/marks";
import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import type { BusDriver, BusListener, BusMessage } from "../../src/bus/driver.ts";
import { Failure } from "../../src/errors.ts";
import type { DirectoryDriver } from "../../src/store/directory.ts";
import { changeMark, type OneChange, unmarked } from "../../src/store/marks.ts";
import type { PeopleDriver } from "../../src/store/people.ts";
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
  mark(user: string, stream: StreamName, kind: MarkKind): Mark;
  /** Every place from which a user ever began to follow a topic: "user topic:name seq". */
  readonly begun: Set<string>;
  /** The share of calls that fail. */
  failing: number;
  epoch: number;
  of(stream: StreamName): TrueStream;
  /** By stream, how much the user hasn't read, and of that hasn't seen, row by row. */
  naive(user: string): Map<StreamName, readonly [count: number, unseen: number]>;
  readonly driver: Pick<StreamsDriver, "read" | "heads">;
  readonly directory: Pick<DirectoryDriver, "subscriptions" | "subscribe" | "unsubscribe">;
  /** How often each user began to follow a topic, and ceased to: "user topic". */
  readonly followed: Map<string, number>;
  readonly left: Map<string, number>;
  /** True when the user didn't follow it before, and false when they did. Neither raises a rev. */
  follow(user: string, topic: string): boolean;
  leave(user: string, topic: string): boolean;
  readonly positions: PositionsDriver;
  readonly people: Pick<PeopleDriver, "state">;
  /** How often each user's state was changed. */
  readonly states: Map<string, number>;
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

  const sinceOf = (user: string): Map<StreamName, number> =>
    new Map([
      [userStream(user), 0],
      ...[...(follows.get(user) ?? [])].map(([topic, since]) => [topicStream(topic), since] as const),
    ]);

  const marks = new Map<string, Mark>();
  const mark = (user: string, stream: StreamName, kind: MarkKind): Mark =>
    marks.get(`${user} ${stream} ${kind}`) ?? unmarked;

  const raised = (user: string) => {
    const stream = userStream(user);
    return { stream, rev: ++of(stream).rev };
  };

  function naive(user: string): ReturnType<TrueStore["naive"]> {
    const now = schedule.clock.now();
    const counts = new Map<StreamName, readonly [number, number]>();
    for (const [stream, since] of sinceOf(user)) {
      const begin = Math.max(since, of(stream).trimmed);
      const counted = of(stream).rows.filter(
        ({ seq, kind, expiresAt }) =>
          seq > begin &&
          kind === Kind.counted &&
          (expiresAt === null || expiresAt > now) &&
          !isMarked(mark(user, stream, "read"), seq) &&
          !isMarked(mark(user, stream, "archive"), seq),
      );
      const seen = mark(user, stream, "seen").upTo;
      counts.set(stream, [counted.length, counted.filter(({ seq }) => seq > seen).length]);
    }
    return counts;
  }

  /** Whether it moved; "full": too many single ones. */
  function change(user: string, stream: StreamName, kind: MarkKind, one: OneChange): boolean | "full" {
    const { rows, trimmed } = of(stream);
    const floor = Math.max(trimmed, sinceOf(user).get(stream)!);
    const changed = changeMark(mark(user, stream, kind), one, { floor, head: rows.length });
    if (changed === null || changed === "full") return changed ?? false;
    marks.set(`${user} ${stream} ${kind}`, changed);
    return true;
  }

  const store: TrueStore = {
    streams,
    follows,
    naive,
    mark,
    begun: new Set(),
    followed: new Map(),
    left: new Map(),
    states: new Map(),
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
      subscribe: (topic, users) =>
        answer(() => ({
          changed: users.filter((user) => store.follow(user, topic)).map(raised),
          full: [],
        })),
      unsubscribe: (topic, user) =>
        answer(() => (store.leave(user, topic) ? { changed: [raised(user)] } : null)),
    },
    follow(user, topic) {
      const mine = follows.get(user) ?? new Map<string, number>();
      follows.set(user, mine);
      if (mine.has(topic)) return false;
      const since = of(topicStream(topic)).rows.length;
      mine.set(topic, since);
      store.begun.add(`${user} ${topicStream(topic)} ${since}`);
      count(store.followed, `${user} ${topic}`);
      return true;
    },
    leave(user, topic) {
      if (follows.get(user)?.delete(topic) !== true) return false;
      count(store.left, `${user} ${topic}`);
      return true;
    },
    people: {
      state: (user) =>
        answer(() => {
          const version = store.states.get(user) ?? 0;
          return { version, state: `{"n":${version}}` };
        }),
    },
    positions: {
      saveDevices: async () => {},
      findDevice: async () => null,
      acknowledge: async () => {},
      receipts: async () => ({ total: 0, users: [] }),
      mark: (user, kind, asked) =>
        answer(() => {
          const own = of(userStream(user));
          if ("all" in asked) {
            const moved = [...sinceOf(user).keys()].map((stream) =>
              change(user, stream, kind, { upTo: of(stream).rows.length }),
            );
            if (moved.includes(true)) own.rev++;
            return { mark: null, rev: own.rev };
          }
          if (!sinceOf(user).has(asked.stream)) return "not-followed";
          const moved = change(user, asked.stream, kind, asked);
          if (moved === "full") return "too-many";
          if (moved) own.rev++;
          return { mark: mark(user, asked.stream, kind), rev: own.rev };
        }),
      unread: (user) =>
        answer(() => {
          const counts = [...naive(user)];
          return {
            epoch: store.epoch,
            rev: of(userStream(user)).rev,
            total: counts.reduce((sum, [, [count]]) => sum + count, 0),
            unseen: counts.reduce((sum, [, [, unseen]]) => sum + unseen, 0),
            streams: counts.map(([stream, [count, unseen]]) => ({
              stream,
              count,
              unseen,
              head: of(stream).rows.length,
              read: mark(user, stream, "read"),
              archive: mark(user, stream, "archive"),
            })),
          };
        }),
    },
  };
  return store;
}

const count = (counts: Map<string, number>, key: string): void =>
  void counts.set(key, (counts.get(key) ?? 0) + 1);

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
  /** Some of them expire, unless they are to last. */
  publish(stream: StreamName, count: number, lasting?: boolean): void;
  withdraw(stream: StreamName): void;
  trim(stream: StreamName): void;
  follow(user: string, topic: string): void;
  unfollow(user: string, topic: string): void;
  /** Deletes the topic and makes it again: nobody follows it, and its rows are gone. */
  remove(topic: string): void;
  /** Something of the user is another: the rev rises. */
  touch(user: string): void;
  /** The application changes the user's state. */
  state(user: string): void;
}

export function makeWrites(
  dice: Dice,
  schedule: Schedule,
  store: TrueStore,
  say: (message: BusMessage) => void,
): Writes {
  function publish(stream: StreamName, count: number, lasting = false): void {
    const of = store.of(stream);
    const rows: Row[] = [];
    for (let n = 0; n < count; n++) {
      const seq = of.rows.length + 1;
      const expiresAt = !lasting && dice.chance(0.1) ? schedule.clock.now() + dice.int(20_000) - 5_000 : null;
      const silent = dice.chance(0.2);
      const body = JSON.stringify({ id: String(seq), ...(silent ? { silent } : {}) });
      const kind = silent ? Kind.silent : Kind.counted;
      const row: Row = { seq, kind, expiresAt, receipt: false, body };
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
    touch: (user) => touch(userStream(user)),
    state(user) {
      store.states.set(user, (store.states.get(user) ?? 0) + 1);
      touch(userStream(user));
    },
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
      store.follow(user, topic);
      touch(userStream(user));
    },
    unfollow(user, topic) {
      store.leave(user, topic);
      touch(userStream(user));
    },
    remove(topic) {
      for (const user of store.follows.keys()) if (store.leave(user, topic)) touch(userStream(user));
      const stream = topicStream(topic);
      const of = store.of(stream);
      of.trimmed = of.rows.length;
      touch(stream);
    },
  };
}
