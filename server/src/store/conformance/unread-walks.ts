/** Random histories of what users read, played against a store and against the naive model. */
import { isMarked, type MarkChange, type MarkKind } from "@carillon/protocol/marks";
import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import fc from "fast-check";
import { expect } from "vitest";
import type { Unread } from "../positions.ts";
import {
  agreeOnPages,
  limit,
  makePagers,
  type Pagers,
  type WalkedFilter,
  walkedFilter,
} from "./inbox-walks.ts";
import { retainAll } from "./retention.ts";
import {
  apply,
  dayMs,
  headOf,
  keepUp,
  type OpenedStore,
  opened,
  record,
  type StoreUnderTest,
} from "./suite.ts";
import { makeUnreadModel, type UnreadModel } from "./unread-model.ts";

const users = ["a", "b"];
const topics = ["t", "u"];
const streams: readonly StreamName[] = [...users.map(userStream), ...topics.map(topicStream)];
const names: ReadonlySet<unknown> = new Set([...users, ...topics, ...streams]);
const minuteMs = 60_000;
const windowMs = 30 * minuteMs;
const keepMs = 2 * windowMs;
/** Advances are multiples of 17 minutes and none of these is: no edge is met to the millisecond. */
const expiriesMs = [null, null, null, -minuteMs, 25 * minuteMs, 90 * minuteMs];

const stream = fc.constantFrom(...streams);
const user = fc.constantFrom(...users);
const topic = fc.constantFrom(...topics);
const seq = fc.integer({ min: 0, max: 12 });
const does = <const D extends Step["do"]>(what: D) => fc.constant(what);

type Step =
  | {
      readonly do: "publish";
      readonly stream: StreamName;
      readonly sent: readonly Sent[];
      /** What the events say of themselves. */
      readonly says: { readonly type: string; readonly source: string; readonly topic?: string };
    }
  | { readonly do: "open"; readonly user: string; readonly limit: number; readonly filter: WalkedFilter }
  | { readonly do: "turn" }
  | { readonly do: "withdraw" | "trim"; readonly stream: StreamName; readonly at: number }
  | { readonly do: "mark"; readonly user: string; readonly kind: MarkKind; readonly change: MarkChange }
  | { readonly do: "subscribe" | "unsubscribe"; readonly user: string; readonly topic: string }
  | { readonly do: "remake"; readonly topic: string }
  | { readonly do: "advance"; readonly times: number }
  | { readonly do: "upkeep" | "retain" | "reopen" };

interface Sent {
  readonly kind: 0 | 1;
  readonly collapseKey: string | null;
  readonly expiryMs: number | null;
}

const sent: fc.Arbitrary<Sent> = fc.record({
  kind: fc.constantFrom<0 | 1>(0, 0, 0, 1),
  collapseKey: fc.constantFrom(null, null, null, "c"),
  expiryMs: fc.constantFrom(...expiriesMs),
});
const all: fc.Arbitrary<MarkChange> = fc.constant({ all: true });
const upTo: fc.Arbitrary<MarkChange> = fc.record({ stream, upTo: seq });
const singles: fc.Arbitrary<MarkChange> = fc.record({
  stream,
  seqs: fc.array(seq, { minLength: 1, maxLength: 4 }),
  undo: fc.boolean(),
});
const kind = fc.constantFrom<MarkKind>("read", "read", "archive");

const says = fc.record(
  { type: fc.constantFrom("x", "y"), source: fc.constantFrom("/x", "/y"), topic },
  { requiredKeys: ["type", "source"] },
);

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 70,
    arbitrary: fc.record({ do: does("publish"), stream, sent: fc.array(sent, { maxLength: 6 }), says }),
  },
  { weight: 30, arbitrary: fc.record({ do: does("open"), user, limit, filter: walkedFilter }) },
  { weight: 60, arbitrary: fc.record({ do: does("turn") }) },
  { weight: 20, arbitrary: fc.record({ do: does("withdraw"), stream, at: fc.nat(20) }) },
  { weight: 10, arbitrary: fc.record({ do: does("trim"), stream, at: seq }) },
  { weight: 60, arbitrary: fc.record({ do: does("mark"), user, kind, change: singles }) },
  { weight: 40, arbitrary: fc.record({ do: does("mark"), user, kind, change: upTo }) },
  { weight: 10, arbitrary: fc.record({ do: does("mark"), user, kind, change: all }) },
  {
    weight: 20,
    arbitrary: fc.record({ do: does("mark"), user, kind: fc.constant("seen"), change: fc.oneof(all, upTo) }),
  },
  { weight: 30, arbitrary: fc.record({ do: does("subscribe"), user, topic }) },
  { weight: 10, arbitrary: fc.record({ do: does("unsubscribe"), user, topic }) },
  { weight: 10, arbitrary: fc.record({ do: does("remake"), topic }) },
  { weight: 20, arbitrary: fc.record({ do: does("advance"), times: fc.integer({ min: 1, max: 5 }) }) },
  { weight: 10, arbitrary: fc.record({ do: does("upkeep") }) },
  { weight: 10, arbitrary: fc.record({ do: does("retain") }) },
  { weight: 1, arbitrary: fc.record({ do: does("reopen") }) },
);

/** The seconds that a walk takes are no matter: expiries are minutes from where they are looked at. */
interface Hand {
  now: number;
}

const told = ({ streams: some }: Unread): string =>
  JSON.stringify(some.map(({ stream: name, read, archive }) => [name, read, archive]));

async function mark(
  { store }: OpenedStore,
  model: UnreadModel,
  { user: reader, kind: of, change }: Step & { readonly do: "mark" },
): Promise<void> {
  const { positions } = store;
  const before = await positions.unread(reader);
  const followed = before.streams.map(({ stream: name }) => name);
  const seen = followed.map((name) => model.seen(reader, name));
  const naive = (): string => JSON.stringify(followed.map((name) => model.marks(reader, name, of)));
  const shown = naive();
  model.mark(reader, of, change);
  const shows = naive() !== shown;
  const moved = followed.some((name, at) => model.seen(reader, name) !== seen[at]);

  const answer = await positions.mark(reader, of, change);
  const after = await positions.unread(reader);
  if (!("all" in change) && !model.follows(reader, change.stream)) {
    expect(answer).toBe("not-followed");
    expect(after.rev).toBe(before.rev);
    return;
  }
  if (typeof answer === "string") return expect.fail(answer);
  // A rev rises exactly when a mark is another than before. A place may move where nothing is kept; single ones don't.
  const moves = told(before) !== told(after) || moved;
  if (shows || "seqs" in change) expect(moves).toBe(shows);
  expect(after.rev).toBe(moves ? before.rev + 1 : before.rev);
  expect(answer.rev).toBe(after.rev);
  if ("all" in change) expect(answer.mark).toBeNull();
  else if (of === "seen")
    expect(answer.mark).toEqual({ upTo: model.seen(reader, change.stream), except: [] });
  else expect(answer.mark).toEqual(after.streams.find(({ stream: name }) => name === change.stream)?.[of]);
}

let numbered = 0;
/** What is old goes, and nothing younger: how much of it is the backend's, and where it says that streams begin. */
async function retain({ store }: OpenedStore, model: UnreadModel, { now }: Hand, of: string): Promise<void> {
  await retainAll(store.retention, keepMs);
  const names = streams.map((name): StreamName => `${name}${of}`);
  const { heads } = await store.streams.heads(names);
  for (const [at, { first }] of heads.entries()) {
    expect(first - 1).toBeLessThanOrEqual(
      Math.max(model.oldUpTo(names[at]!, now - keepMs), model.trimmed(names[at]!)),
    );
    model.trim(names[at]!, first - 1);
  }
}

async function take(
  subject: OpenedStore,
  model: UnreadModel,
  pagers: Pagers,
  hand: Hand,
  taken: Step,
  walked: string,
): Promise<void> {
  const { streams: log, directory } = subject.store;
  switch (taken.do) {
    case "publish": {
      const made = taken.sent.map(({ kind: counts, collapseKey, expiryMs }) =>
        record(taken.stream, {
          kind: counts,
          collapseKey,
          expiresAt: expiryMs === null ? null : hand.now + expiryMs,
          body: JSON.stringify({ n: ++numbered, ...taken.says }),
        }),
      );
      if (made.length === 0) return;
      await apply(log, ...made);
      const { createdAt } = (await log.find(taken.stream, made[0]!.key))!;
      return model.publish(made, createdAt);
    }
    case "open":
      return pagers.open(subject, model, taken, hand.now);
    case "turn":
      return pagers.turn(subject, model, hand.now);
    case "withdraw": {
      const key = model.keyAt(taken.stream, taken.at, hand.now - windowMs);
      if (key === undefined) return;
      await log.withdraw(taken.stream, key);
      return model.withdraw(taken.stream, key);
    }
    case "trim":
      await log.trim(taken.stream, taken.at);
      return model.trim(taken.stream, taken.at);
    case "mark":
      return mark(subject, model, taken);
    case "subscribe":
      await directory.subscribe(taken.topic, [taken.user], 256);
      return model.subscribe(taken.user, topicStream(taken.topic));
    case "unsubscribe":
      await directory.unsubscribe(taken.topic, taken.user);
      return model.unsubscribe(taken.user, topicStream(taken.topic));
    case "remake":
      await directory.deleteTopic(taken.topic);
      await directory.putTopic(taken.topic, "key:k");
      return model.remake(topicStream(taken.topic));
    case "advance":
      hand.now += taken.times * 17 * minuteMs;
      return subject.advance(taken.times * 17 * minuteMs);
    case "upkeep":
      return void (await keepUp(log));
    case "retain":
      return retain(subject, model, hand, walked);
    case "reopen":
      return subject.reopen();
  }
}

/** Each walk has users and topics of its own, in a store that all of them share. */
const named = <T>(value: T, walked: string): T => {
  if (names.has(value)) return `${value}${walked}` as T;
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, named(one, walked)])) as T;
};

async function agree({ store }: OpenedStore, model: UnreadModel, reader: string, now: number): Promise<void> {
  const [unread, { rev }] = await Promise.all([
    store.positions.unread(reader),
    headOf(store.streams, userStream(reader)),
  ]);
  expect(unread).toMatchObject({ ...model.unread(reader, now), rev });
  for (const { stream: name, read, archive } of unread.streams) {
    for (const [seqOf, is] of model.marks(reader, name, "read")) expect(isMarked(read, seqOf)).toBe(is);
    for (const [seqOf, is] of model.marks(reader, name, "archive")) expect(isMarked(archive, seqOf)).toBe(is);
  }
}

/** How long it may take, shrinking included. */
export const walkingMs = (walks: number): number => 60_000 + walks * 800;

/** Rejects with the shortest walk found after which the store and the model don't agree. */
export async function walkUnread(subject: StoreUnderTest, walks: number): Promise<void> {
  const moves = subject.capabilities.clock === "movable";
  const steps = fc.array(moves ? step : step.filter((one) => one.do !== "advance"), {
    minLength: 1,
    maxLength: 70,
    size: "max",
  });
  const store = await opened(subject, { identityWindowMs: windowMs });
  // Beyond the days that a backend has prepared whole.
  if (moves) await store.advance(9 * dayMs);
  const hand = { now: Math.floor((await apply(store.store.streams)).committedAt) };
  let walked = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (walk) => {
      const suffix = `-${walked++}`;
      const model = makeUnreadModel();
      const pagers = makePagers();
      for (const one of topics) await store.store.directory.putTopic(one + suffix, "key:k");
      for (const taken of walk) {
        await take(store, model, pagers, hand, named(taken, suffix), suffix);
        pagers.stepped(model, hand.now);
        await Promise.all(users.map((reader) => agree(store, model, reader + suffix, hand.now)));
        await agreeOnPages(store, model, users[walked % 2] + suffix, hand.now);
      }
      await pagers.end(store, model, hand.now);
    }),
    { numRuns: walks, interruptAfterTimeLimit: walkingMs(walks), markInterruptAsFailure: true },
  );
}
