import { ownerOf, type StreamName } from "@carillon/protocol/stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { StreamRecord } from "../streams.ts";
import { type Model, makeModel } from "./model.ts";
import { apply, dayMs, keepUp, type OpenedStore, opened, type StoreUnderTest } from "./suite.ts";

const names: readonly StreamName[] = ["user:a", "user:b", "topic:a", "topic:b"];
/** Each walk has streams of its own in one store, because opening one takes longer than a walk. */
const inWalk = (name: StreamName, walk: number): StreamName => `${name}.${walk}`;
const keys = ["k1", "k2", "k3", "k4", "k5", "k6"];
const minuteMs = 60_000;
/** Advances are multiples of 17 minutes and none of these is: no edge is met to the millisecond. */
const windowMs = 60 * minuteMs;
const expiriesMs = [null, null, null, -minuteMs, 25 * minuteMs, 90 * minuteMs];

type Step =
  | { readonly do: "apply"; readonly records: readonly (readonly [StreamRecord, number | null])[] }
  | { readonly do: "withdraw"; readonly stream: StreamName; readonly key: string }
  | { readonly do: "trim"; readonly stream: StreamName; readonly upTo: number }
  | { readonly do: "upkeep"; readonly limit: number }
  | { readonly do: "putTopic" | "deleteTopic"; readonly topic: StreamName }
  | { readonly do: "advance"; readonly steps: number }
  | { readonly do: "reopen" };

const stream = fc.constantFrom(...names);
const topic = fc.constantFrom(...names.filter((name) => name.startsWith("topic:")));
const record: fc.Arbitrary<readonly [StreamRecord, number | null]> = fc.tuple(
  fc.record({
    stream,
    key: fc.constantFrom(...keys),
    digest: fc.constantFrom("d1", "d1", "d1", "d2"),
    kind: fc.constantFrom<0 | 1>(0, 1),
    collapseKey: fc.constantFrom(null, null, "c1", "c2"),
    expiresAt: fc.constant(null),
    receipt: fc.boolean(),
    acceptedAt: fc.constant(0),
    body: fc.json({ maxDepth: 1 }),
  }),
  fc.constantFrom(...expiriesMs),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ do: fc.constant("apply" as const), records: fc.array(record, { maxLength: 12 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("withdraw" as const), stream, key: fc.constantFrom(...keys) }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("trim" as const), stream, upTo: fc.nat(12) }) },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("upkeep" as const), limit: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("putTopic" as const, "deleteTopic" as const), topic }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant("advance" as const), steps: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reopen" as const) }) },
);

interface Walk {
  readonly number: number;
  readonly subject: OpenedStore;
  readonly model: Model;
}

async function take({ subject, model, number }: Walk, taken: Step): Promise<void> {
  const { streams, directory } = subject.store;
  if (taken.do === "apply") {
    const committedAt = Math.floor((await apply(streams)).committedAt);
    const sent = taken.records.map(([one, expiryMs]) => ({
      ...one,
      stream: inWalk(one.stream, number),
      expiresAt: expiryMs === null ? null : committedAt + expiryMs,
    }));
    model.setNow(committedAt);
    const { outcomes } = await apply(streams, ...sent);
    expect(outcomes).toEqual(model.apply(sent));
  } else if (taken.do === "withdraw") {
    const name = inWalk(taken.stream, number);
    expect(await streams.withdraw(name, taken.key)).toEqual(model.withdraw(name, taken.key));
  } else if (taken.do === "trim") {
    const name = inWalk(taken.stream, number);
    await streams.trim(name, taken.upTo);
    model.trim(name, taken.upTo);
  } else if (taken.do === "upkeep") {
    await keepUp(streams, taken.limit);
    model.expire();
  } else if (taken.do === "putTopic") {
    const name = inWalk(taken.topic, number);
    const { created } = await directory.putTopic(ownerOf(name), "key:k");
    expect(created).toBe(model.putTopic(name));
  } else if (taken.do === "deleteTopic") {
    const name = inWalk(taken.topic, number);
    expect((await directory.deleteTopic(ownerOf(name))) !== null).toBe(model.deleteTopic(name));
  } else if (taken.do === "advance") {
    await subject.advance(taken.steps * 17 * minuteMs);
    model.advance(taken.steps * 17 * minuteMs);
  } else {
    await subject.reopen();
  }
}

async function compare({ subject: { store }, model, number }: Walk): Promise<void> {
  const { streams } = store;
  const own = names.map((name) => inWalk(name, number));
  const { heads } = await streams.heads(own);
  expect(heads).toEqual(own.map((name) => model.head(name)));
  for (const name of own) {
    const { rows, first, head } = await streams.read(name, 0, 256);
    expect(rows).toEqual(model.rows(name));
    expect({ first, head }).toEqual({ first: model.head(name).first, head: model.head(name).head });
    for (const key of keys) {
      const found = await streams.find(name, key);
      const known = model.find(name, key);
      expect(found).toEqual(known && { ...known, createdAt: expect.any(Number) });
    }
  }
}

export function examineWalks(subject: StoreUnderTest): void {
  describe("any sequence of calls", () => {
    test("invariants 3 and 5: does what the model does, restarts included", {
      timeout: 120_000,
    }, async () => {
      const moves = subject.capabilities.clock === "movable";
      const steps = moves ? step : step.filter((one) => one.do !== "advance");
      const identityWindowMs = moves ? windowMs : dayMs;
      const store = await opened(subject, { identityWindowMs });
      let number = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(steps, { minLength: 5, maxLength: 30 }), async (taken) => {
          const walk = { number: number++, subject: store, model: makeModel(identityWindowMs) };
          for (const one of taken) await take(walk, one);
          await compare(walk);
        }),
        { numRuns: 30, endOnFailure: false },
      );
    });
  });
}
