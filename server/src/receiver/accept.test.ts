import type { Notification } from "@carillon/protocol/notification";
import { parseNotification } from "@carillon/protocol/parse-notification";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ApiKey } from "../store/access.ts";
import { accept, type Circumstances, type Decision } from "./accept.ts";

const now = Date.parse("2026-01-31T09:30:00.250Z");

const key = (...sources: string[]): ApiKey => ({
  name: "shop",
  hash: "",
  scopes: ["send"],
  sources,
  createdAt: 0,
  expiresAt: null,
});

const circumstances = (more: Partial<Circumstances> = {}): Circumstances => ({
  key: key("*"),
  now,
  missing: new Set(),
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
    const decision = accepted(
      accept({ ...order, to }, "o-17", circumstances({ missing: new Set(["gone", "42"]) })),
    );
    expect(decision.unknown).toEqual(["topic:gone"]);
    expect(decision.records.map(({ stream }) => stream)).toEqual(["user:42", "topic:here"]);
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
    expect(refusal({ ...order, source }, { key: key(...sources) })).toBe(code);
  });

  test.each([
    [["/shop"], null],
    [["/shop*"], "body-invalid"],
    [["*"], "body-invalid"],
    [["/a", "/b"], "body-invalid"],
    [[], "body-invalid"],
  ])("no source with a key for %j: %s", (sources, code) => {
    expect(refusal({ to: ["user:42"], type: "t" }, { key: key(...sources) })).toBe(code);
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
