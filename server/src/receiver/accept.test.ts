import type { Notification } from "@carillon/protocol/notification";
import { parseNotification } from "@carillon/protocol/parse-notification";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Producer } from "../access/principal.ts";
import { accept, type Circumstances, type Decision } from "./accept.ts";
import type { Terms } from "./known-topics.ts";

const now = Date.parse("2026-01-31T09:30:00.250Z");

const key = (...sources: string[]): Producer => ({
  kind: "producer",
  key: { name: "shop", hash: "", scopes: ["send"], sources, createdAt: 0, expiresAt: null },
});
const user = { kind: "client", user: "42" } as const;
/** Every topic there is, but for one. */
const topics = new Proxy(new Map<string, Terms | null>(), {
  get: (_, name) =>
    name === "get" ? (topic: string) => (topic === "gone" ? null : { active: true, keepMs: null }) : null,
});
const oneTopic = (terms: Partial<Terms>) => new Map([["t", { active: true, keepMs: null, ...terms }]]);

const circumstances = (more: Partial<Circumstances> = {}): Circumstances => ({
  by: key("*"),
  now,
  topics,
  follows: () => false,
  sizeBytes: 65_536,
  ...more,
});

const order: Notification = { to: ["user:42"], id: "o-17", source: "/shop", type: "order.shipped" };

function accepted(decision: Decision) {
  if (!decision.ok) throw new Error(decision.problem.detail);
  return decision;
}

const one = (notification: Notification, more?: Partial<Circumstances>) =>
  accepted(accept(notification, notification.id ?? "made", circumstances(more))).records[0]!;

const name = fc.stringMatching(/^[A-Za-z0-9._~@+:=-]{1,20}$/);
const stream = fc.oneof(
  name.map((user) => `user:${user}` as const),
  name.map((topic) => `topic:${topic}` as const),
);
const notification = fc.record(
  {
    to: fc.uniqueArray(stream, { minLength: 1, maxLength: 100 }),
    id: name,
    source: name,
    type: name,
    data: fc.jsonValue(),
    silent: fc.boolean(),
    receipt: fc.boolean(),
    collapseKey: name,
    expires: fc.constantFrom("10m", "7d", "2020-01-01T00:00:00Z", "2030-01-01T00:00:00+01:00"),
  },
  { requiredKeys: ["to", "id", "source", "type"] },
) as fc.Arbitrary<unknown> as fc.Arbitrary<Notification>;

/** The same JSON with the keys of every object in another order. */
function shuffled(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(shuffled);
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([at, inner]) => [at, shuffled(inner)]),
  );
}

describe("records", () => {
  test("one for each recipient, in their order, all with one body", () => {
    fc.assert(
      fc.property(notification, (given) => {
        const { records } = accepted(accept(given, given.id!, circumstances()));
        expect(records.map(({ stream }) => stream)).toEqual(given.to);
        expect(new Set(records.map(({ body }) => body)).size).toBe(1);
        expect(new Set(records.map(({ key }) => key)).size).toBe(1);
      }),
    );
  });

  test("the body is the event, without the other recipients", () => {
    const { body } = one({ ...order, to: ["user:42", "user:7"], data: { a: 1 }, silent: true });
    expect(JSON.parse(body)).toEqual({
      specversion: "1.0",
      id: "o-17",
      source: "/shop",
      type: "order.shipped",
      time: "2026-01-31T09:30:00.250Z",
      data: { a: 1 },
      silent: true,
    });
  });

  test("expiry is resolved when it is accepted, and what has expired is a record all the same", () => {
    expect(one({ ...order, expires: "10m" }).expiresAt).toBe(now + 600_000);
    expect(one({ ...order, expires: "2020-01-01T00:00:00Z" }).expiresAt).toBe(
      Date.parse("2020-01-01T00:00:00Z"),
    );
    expect(one(order).expiresAt).toBeNull();
  });

  test("topics that don't exist are told apart, the others go on", () => {
    const to = ["topic:gone", "user:42", "topic:here"] as const;
    const decision = accepted(accept({ ...order, to }, "o-17", circumstances()));
    expect([...decision.refused].map(([to, { code }]) => [to, code])).toEqual([
      ["topic:gone", "topic-not-found"],
    ]);
    expect(decision.records.map(({ stream }) => stream)).toEqual(["user:42", "topic:here"]);
  });
});

describe("a topic's terms", () => {
  const to = ["user:1", "topic:t"] as const;
  const both = (given: Notification, terms: Partial<Terms>) =>
    accepted(accept(given, "o-17", circumstances({ topics: oneTopic(terms) })));
  const expiries = (expires: string | undefined, keepMs: number | null) => {
    const given = { ...order, to, ...(expires === undefined ? {} : { expires }) };
    const { records } = both(given, { keepMs });
    for (const { body, expiresAt } of records) {
      const told = JSON.parse(body).expirytime;
      expect(told).toBe(expiresAt === null ? undefined : new Date(expiresAt).toISOString());
    }
    return records.map(({ expiresAt }) => (expiresAt === null ? null : expiresAt - now));
  };

  test("what it keeps for a while expires by then, for its followers alone; the earlier wins", () => {
    expect(expiries(undefined, 60_000)).toEqual([null, 60_000]);
    expect(expiries("30s", 60_000)).toEqual([30_000, 30_000]);
    expect(expiries("10m", 60_000)).toEqual([600_000, 60_000]);
    expect(expiries("60s", 60_000)).toEqual([60_000, 60_000]);
    expect(expiries("10m", null)).toEqual([600_000, 600_000]);
  });

  test("how long it keeps is no content: sent again after that was changed, it is the same", () => {
    const [first, second] = [60_000, null].map((keepMs) => both({ ...order, to }, { keepMs }));
    expect(second!.records.map(({ digest }) => digest)).toEqual(first!.records.map(({ digest }) => digest));
  });

  test("of what is ephemeral nothing is kept, and nothing expires", () => {
    const { records } = both({ ...order, to, ephemeral: true }, { keepMs: 60_000 });
    expect(records.map(({ expiresAt }) => expiresAt)).toEqual([null, null]);
    expect(records[1]!.body).not.toContain("expirytime");
  });

  test("an event that is too large with the expiry that a topic gives it is refused whole", () => {
    const sizeBytes = Buffer.byteLength(one({ ...order, to: ["user:1"] }).body) + 1;
    const given = (keepMs: number | null) =>
      accept({ ...order, to }, "o-17", circumstances({ topics: oneTopic({ keepMs }), sizeBytes }));
    expect(given(null).ok).toBe(true);
    expect(given(60_000)).toMatchObject({ ok: false, problem: { code: "notification-too-large" } });
  });

  test("an inactive one takes nothing, and the others go on", () => {
    const { refused, records } = both({ ...order, to }, { active: false });
    expect(refused.get("topic:t")?.code).toBe("topic-inactive");
    expect(records.map(({ stream }) => stream)).toEqual(["user:1"]);
  });

  test("for some members: their own streams, marked with the topic, on its terms; others are refused", () => {
    const given = { ...order, to: ["user:1", "user:2"] as const, topic: "t" };
    const follows = (topic: string, user: string) => topic === "t" && user === "2";
    const told = (terms: Partial<Terms>) =>
      accepted(accept(given, "o-17", circumstances({ topics: oneTopic(terms), follows })));
    const { records, refused } = told({ keepMs: 60_000 });
    expect(records).toMatchObject([{ stream: "user:2", expiresAt: now + 60_000 }]);
    expect(JSON.parse(records[0]!.body).topic).toBe("t");
    expect(refused.get("user:1")?.code).toBe("subscriber-not-found");
    expect([...told({ active: false }).refused.values()].map(({ code }) => code)).toEqual([
      "topic-inactive",
      "topic-inactive",
    ]);
    const gone = accepted(
      accept({ ...given, topic: "gone" }, "o-17", circumstances({ follows: () => true })),
    );
    expect([...gone.refused.values()].map(({ code }) => code)).toEqual([
      "topic-not-found",
      "topic-not-found",
    ]);
  });
});

describe("whom it is from", () => {
  const sent = (by: Circumstances["by"], source?: string) => {
    const given = { to: ["user:1"], type: "t", ...(source === undefined ? {} : { source }) } as const;
    const decision = accept(given, "a", circumstances({ by }));
    return decision.ok ? decision.source : decision.problem.code;
  };

  test("a user's is from the user, and from no other", () => {
    expect(sent(user)).toBe("/users/42");
    expect(sent(user, "/users/42")).toBe("/users/42");
    for (const source of ["/users/7", "/users/42/", "/users/420", "/shop", "users/42"]) {
      expect(sent(user, source)).toBe("source-forbidden");
    }
  });

  test("no API key passes for a user, whatever its sources", () => {
    for (const source of ["/users/42", "/users/", "/users/x/y"]) {
      expect(sent(key("*"), source)).toBe("source-forbidden");
      expect(sent(key(source), source)).toBe("source-forbidden");
      expect(sent(key(source))).toBe("source-forbidden");
    }
    expect(sent(key("*"), "/users")).toBe("/users");
    expect(sent(key("*"), "/user/42")).toBe("/user/42");
  });
});

describe("invariant 5: identity", () => {
  test("the key is that of source and id alone, and told apart by where one ends", () => {
    fc.assert(
      fc.property(notification, notification, (a, b) => {
        const same = a.source === b.source && a.id === b.id;
        expect(one(a).key === one(b).key).toBe(same);
      }),
    );
    expect(one({ ...order, source: "/a", id: "bc" }).key).not.toBe(
      one({ ...order, source: "/ab", id: "c" }).key,
    );
    expect(one(order).key).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });

  test("the same content has the same digest: whatever the order, the recipients, the time of sending", () => {
    fc.assert(
      fc.property(notification, stream, (given, another) => {
        const again = { ...(shuffled(given) as Notification), to: [another] as const };
        expect(one(again, { now: now + 1_000 }).digest).toBe(one(given).digest);
      }),
    );
    const traced = { ...order, traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
    expect(one(traced).digest).toBe(one(order).digest);
    expect(one({ ...order, silent: false }).digest).toBe(one(order).digest);
  });

  test("other content has another digest", () => {
    const changes: Partial<Notification>[] = [
      { type: "order.lost" },
      { subject: "s" },
      { time: "2026-01-31T09:30:00Z" },
      { data: null },
      { data: {} },
      { data_base64: "" },
      { datacontenttype: "text/plain" },
      { dataschema: "/s" },
      { expires: "10m" },
      { expires: "600s" },
      { collapseKey: "k" },
      { silent: true },
      { receipt: true },
      { extension: "e" },
    ];
    const digests = [{}, ...changes].map((change) => one({ ...order, ...change } as Notification).digest);
    expect(new Set(digests).size).toBe(changes.length + 1);
  });

  test("what parsing brought into shape is still the same", () => {
    const parsed = parseNotification({ ...order, to: "user:42" }).notification!;
    expect(one(parsed)).toEqual(one(order));
  });
});

describe("what is refused whole", () => {
  const refusal = (given: Notification, more: Partial<Circumstances>) => {
    const decision = accept(given, "o-17", circumstances(more));
    return decision.ok ? null : decision.problem.code;
  };

  test.each([
    ["/shop", ["/shop"], null],
    ["/shop/1", ["/shop"], "source-forbidden"],
    ["/shop/1", ["/shop*"], null],
    ["/sho", ["/shop*"], "source-forbidden"],
    ["/any", ["*"], null],
    ["/b", ["/a", "/b"], null],
    ["/b", [], "source-forbidden"],
  ])("source %s with a key for %j: %s", (source, sources, code) => {
    expect(refusal({ ...order, source }, { by: key(...sources) })).toBe(code);
  });

  test.each([
    [["/shop"], null],
    [["/shop*"], "body-invalid"],
    [["*"], "body-invalid"],
    [["/a", "/b"], "body-invalid"],
    [[], "body-invalid"],
  ])("no source with a key for %j: %s", (sources, code) => {
    expect(refusal({ to: ["user:42"], type: "t" }, { by: key(...sources) })).toBe(code);
  });

  test("an event over the limit, counted in bytes of UTF-8", () => {
    for (const data of ["x", "é", "€", "🔔"]) {
      const sized = { ...order, data: data.repeat(100) };
      const sizeBytes = Buffer.byteLength(one(sized).body);
      expect(refusal(sized, { sizeBytes })).toBeNull();
      expect(refusal(sized, { sizeBytes: sizeBytes - 1 })).toBe("notification-too-large");
    }
  });
});
