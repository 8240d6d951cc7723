/** Random histories of a store, made through its ports: what a year of use leaves behind, in a few dozen calls. */
import type { MarkChange, MarkKind } from "@carillon/protocol/marks";
import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import fc from "fast-check";
import type { TopicChanges } from "../../src/store/directory.ts";
import type { StoreBackend } from "../../src/store/store.ts";
import type { StreamRecord } from "../../src/store/streams.ts";

export const users = ["a", "b", "c"];
export const topics = ["t", "u"];
export const streams: readonly StreamName[] = [...users.map(userStream), ...topics.map(topicStream)];
export const keys = ["k1", "k2", "k3", "k4", "k5", "k6"];
export const devices = ["phone", "desk"];
const minuteMs = 60_000;
export const windowMs = 1_000 * minuteMs;
/** Advances are multiples of 17 minutes and none of these is: no edge is met to the millisecond. */
const expiriesMs = [null, null, null, -minuteMs, 250 * minuteMs + 0.75, 900 * minuteMs];

export type Step =
  | { readonly do: "apply"; readonly records: readonly (readonly [StreamRecord, number | null])[] }
  | { readonly do: "withdraw"; readonly stream: StreamName; readonly key: string }
  | { readonly do: "trim"; readonly stream: StreamName; readonly upTo: number }
  | { readonly do: "upkeep"; readonly limit: number }
  | { readonly do: "putTopic" | "deleteTopic"; readonly topic: string }
  | { readonly do: "changeTopic"; readonly topic: string; readonly changes: TopicChanges }
  | { readonly do: "grant" | "withdraw grant"; readonly topic: string; readonly user: string }
  | { readonly do: "subscribe" | "unsubscribe"; readonly topic: string; readonly user: string }
  | {
      readonly do: "acknowledge";
      readonly user: string;
      readonly stream: StreamName;
      readonly upTo: number;
    }
  | { readonly do: "mark"; readonly user: string; readonly kind: MarkKind; readonly change: MarkChange }
  | { readonly do: "device"; readonly user: string; readonly device: string; readonly cursor: string }
  | { readonly do: "state"; readonly user: string; readonly state: string; readonly version: number }
  | { readonly do: "erase"; readonly user: string; readonly topicsTo: string | null; readonly steps: number }
  | { readonly do: "addKey" | "removeKey"; readonly name: string }
  | { readonly do: "revoke" | "unrevoke"; readonly user: string; readonly tokenId: string | null }
  | { readonly do: "advance"; readonly steps: number };

const stream = fc.constantFrom(...streams);
const user = fc.constantFrom(...users);
const topic = fc.constantFrom(...topics);
const kinds: readonly MarkKind[] = ["read", "archive"];
const seen = fc.constant<MarkKind>("seen");
const upTo: fc.Arbitrary<MarkChange> = fc.record({ stream, upTo: fc.nat(12) });
const all: fc.Arbitrary<MarkChange> = fc.constant({ all: true });
const change: fc.Arbitrary<MarkChange> = fc.oneof(
  { weight: 3, arbitrary: upTo },
  {
    weight: 4,
    arbitrary: fc.record({ stream, seqs: fc.array(fc.nat(12), { minLength: 1 }), undo: fc.boolean() }),
  },
  { weight: 1, arbitrary: all },
);
const tokenId = fc.constantFrom(null, "t-1", 'of "any" text \u{1f514}');
const does = <const D extends Step["do"]>(what: D) => fc.constant(what);

const record: fc.Arbitrary<readonly [StreamRecord, number | null]> = fc.tuple(
  fc.record({
    stream,
    key: fc.constantFrom(...keys),
    digest: fc.constantFrom("d1", "d1", "d1", "d2"),
    kind: fc.constantFrom<0 | 1>(0, 0, 1),
    collapseKey: fc.constantFrom(null, null, "c1", "ключ | \u{1f514}"),
    expiresAt: fc.constant(null),
    receipt: fc.boolean(),
    acceptedAt: fc.constant(0),
    body: fc.json({ maxDepth: 1, stringUnit: "binary" }),
  }),
  fc.constantFrom(...expiriesMs),
);

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 8, arbitrary: fc.record({ do: does("apply"), records: fc.array(record, { maxLength: 12 }) }) },
  { weight: 2, arbitrary: fc.record({ do: does("withdraw"), stream, key: fc.constantFrom(...keys) }) },
  { weight: 2, arbitrary: fc.record({ do: does("trim"), stream, upTo: fc.nat(12) }) },
  { weight: 2, arbitrary: fc.record({ do: does("upkeep"), limit: fc.integer({ min: 1, max: 4 }) }) },
  { weight: 3, arbitrary: fc.record({ do: does("putTopic"), topic }) },
  { weight: 1, arbitrary: fc.record({ do: does("deleteTopic"), topic }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: does("changeTopic"),
      topic,
      changes: fc.constantFrom<TopicChanges>(
        { subscribe: "open", active: false },
        { publish: "subscribers", keepMs: 60_000 },
        { keepMs: null, owner: "user:a" },
      ),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: does("grant"), topic, user }) },
  { weight: 1, arbitrary: fc.record({ do: does("withdraw grant"), topic, user }) },
  { weight: 4, arbitrary: fc.record({ do: does("subscribe"), topic, user }) },
  { weight: 1, arbitrary: fc.record({ do: does("unsubscribe"), topic, user }) },
  { weight: 6, arbitrary: fc.record({ do: does("mark"), user, kind: fc.constantFrom(...kinds), change }) },
  { weight: 1, arbitrary: fc.record({ do: does("mark"), user, kind: seen, change: fc.oneof(upTo, all) }) },
  { weight: 3, arbitrary: fc.record({ do: does("acknowledge"), user, stream, upTo: fc.nat(12) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      do: does("device"),
      user,
      device: fc.constantFrom(...devices),
      cursor: fc.constantFrom("AQE", "AQI", "AQM"),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      do: does("state"),
      user,
      state: fc.constantFrom("{}", '{"plan":"pro"}', '{"имя":"\u{1f514} \\\\u0000"}'),
      version: fc.nat(2),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: does("erase"),
      user,
      topicsTo: fc.constantFrom(null, "key:other"),
      steps: fc.nat(3),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: does("addKey"), name: fc.constantFrom("shop", "ops") }) },
  { weight: 1, arbitrary: fc.record({ do: does("removeKey"), name: fc.constantFrom("shop", "ops") }) },
  { weight: 2, arbitrary: fc.record({ do: does("revoke"), user, tokenId }) },
  { weight: 1, arbitrary: fc.record({ do: does("unrevoke"), user, tokenId }) },
  { weight: 1, arbitrary: fc.record({ do: does("advance"), steps: fc.constant(1) }) },
);

const history: fc.Arbitrary<readonly Step[]> = fc.array(step, { minLength: 10, maxLength: 60 });

/** Each history has names of its own in one store, because opening one takes longer than a history. */
export const inWalk = <N extends string>(name: N, walk: number): N => `${name}.${walk}` as N;

const named = (step: Step, walk: number): Step => {
  const own = Object.entries(step).map(([field, value]) => {
    if (field === "records") {
      const records = value as (Step & { do: "apply" })["records"];
      return [field, records.map(([one, expiry]) => [{ ...one, stream: inWalk(one.stream, walk) }, expiry])];
    }
    if (field === "change" && "stream" in value) {
      return [field, { ...value, stream: inWalk(value.stream, walk) }];
    }
    return ["user", "topic", "stream", "name"].includes(field)
      ? [field, inWalk(value, walk)]
      : [field, value];
  });
  return Object.fromEntries(own);
};

/** The clock is one for all: histories are played a step of each in turn. */
export async function live(
  store: StoreBackend,
  histories: readonly (readonly Step[])[],
  advance: (ms: number) => void,
): Promise<void> {
  const longest = Math.max(...histories.map((steps) => steps.length));
  for (let at = 0; at < longest; at++) {
    for (const [walk, steps] of histories.entries()) {
      const step = steps[at];
      if (step) await liveStep(store, named(step, walk), advance);
    }
  }
}

async function liveStep(store: StoreBackend, step: Step, advance: (ms: number) => void): Promise<void> {
  const { streams: port, directory, grants, positions, access, people } = store;
  switch (step.do) {
    case "apply": {
      const { committedAt } = await port.apply({ part: 0, progress: null, records: [], rejected: [] });
      const records = step.records.map(([one, expiryMs]) => ({
        ...one,
        expiresAt: expiryMs === null ? null : committedAt + expiryMs,
      }));
      await port.apply({ part: 0, progress: null, records, rejected: [] });
      return;
    }
    case "withdraw":
      return void (await port.withdraw(step.stream, step.key));
    case "trim":
      return port.trim(step.stream, step.upTo);
    case "upkeep":
      return void (await port.upkeep(step.limit));
    case "putTopic":
      return void (await directory.putTopic(step.topic, "key:shop"));
    case "deleteTopic":
      return void (await directory.deleteTopic(step.topic));
    case "changeTopic":
      return void (await directory.changeTopic(step.topic, step.changes));
    case "grant":
      return void (await grants.grant(step.topic, step.user, 1_000));
    case "withdraw grant":
      return void (await grants.revoke(step.topic, step.user));
    case "subscribe":
      return void (await directory.subscribe(step.topic, [step.user], 256));
    case "unsubscribe":
      return void (await directory.unsubscribe(step.topic, step.user));
    case "mark":
      return void (await positions.mark(step.user, step.kind, step.change));
    case "acknowledge":
      return positions.acknowledge([{ user: step.user, stream: step.stream, upTo: step.upTo }]);
    case "device":
      return positions.saveDevices([{ user: step.user, device: step.device, cursor: step.cursor }]);
    case "state":
      return void (await people.putState(step.user, step.state, step.version));
    case "erase":
      await people.beginErasing(step.user, step.topicsTo);
      for (let at = 0; at < step.steps; at++) await people.continueErasing(2);
      return;
    case "addKey":
      return void (await access.addKey({
        name: step.name,
        hash: `${step.name}-hash`,
        scopes: ["send"],
        sources: ["/shop/*"],
        createdAt: 1_700_000_000_000,
        expiresAt: step.name === "ops" ? 4_000_000_000_000 : null,
      }));
    case "removeKey":
      return void (await access.removeKey(step.name));
    case "revoke": {
      const issuedBefore = step.tokenId === null ? 1_700_000_000_000 : null;
      const revocation = { user: step.user, tokenId: step.tokenId, issuedBefore, until: 4_000_000_000_000 };
      return void (await access.revoke(revocation, { perUser: 100, total: 10_000 }));
    }
    case "unrevoke":
      return void (await access.unrevoke({ user: step.user, tokenId: step.tokenId }));
    case "advance":
      return advance(step.steps * 17 * minuteMs);
  }
}

/** Several of them; the seed says which. */
export const histories = (count: number, seed: number): readonly (readonly Step[])[] =>
  fc.sample(history, { seed, numRuns: count });

/** Another each time, or the one that is asked for. */
export const someSeed = (): number => Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
