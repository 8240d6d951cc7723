import fc from "fast-check";
import { expect, test } from "vitest";
import { Kind } from "../store/streams.ts";
import type { BusMessage } from "./driver.ts";
import { makeOwed } from "./owed.ts";

const stream = fc.constantFrom("user:a" as const, "topic:b" as const);
const place = fc.integer({ min: 1, max: 20 });
const message: fc.Arbitrary<BusMessage> = fc.oneof(
  fc.record({ type: fc.constant("head" as const), stream, head: place }),
  fc.record({ type: fc.constant("changed" as const), stream, rev: place }),
  fc.record({ type: fc.constant("withdrawn" as const), stream, seq: place, rev: place }),
  fc.record({ type: fc.constant("ephemeral" as const), stream, body: fc.constant('"x"') }),
  fc.record({ stream, seq: place }).map(({ stream, seq }) => ({
    type: "rows" as const,
    stream,
    rows: [{ seq, kind: Kind.counted, expiresAt: null, receipt: false, body: "{}" }],
    acceptedAt: 1,
    committedAt: 2,
  })),
);

const reaches = (message: BusMessage): number => {
  if (message.type === "rows") return message.rows.at(-1)!.seq;
  return message.type === "head" ? message.head : 0;
};

test("of each stream the newest head and rev are owed, each that was taken back, and nothing ephemeral", () => {
  fc.assert(
    fc.property(fc.array(message), (messages) => {
      const owed = makeOwed(1_000);
      owed.add(messages);
      const told = owed.take();
      for (const name of ["user:a", "topic:b"] as const) {
        const of = messages.filter((one) => one.stream === name);
        const heads = of.map(reaches).filter((head) => head > 0);
        const revs = of.flatMap((one) => (one.type === "changed" ? [one.rev] : []));
        const seqs = of.flatMap((one) => (one.type === "withdrawn" ? [one.seq] : []));
        const toldOf = told.filter((one) => one.stream === name);
        expect(toldOf.flatMap((one) => (one.type === "head" ? [one.head] : []))).toEqual(
          heads.length > 0 ? [Math.max(...heads)] : [],
        );
        expect(toldOf.flatMap((one) => (one.type === "changed" ? [one.rev] : []))).toEqual(
          revs.length > 0 ? [Math.max(...revs)] : [],
        );
        expect(toldOf.flatMap((one) => (one.type === "withdrawn" ? [one.seq] : [])).toSorted()).toEqual(
          [...new Set(seqs)].toSorted(),
        );
      }
      expect(told.every(({ type }) => type !== "ephemeral" && type !== "rows")).toBe(true);
      expect(owed.take()).toEqual([]);
    }),
  );
});

test("what is owed is bounded, and what is known already goes on", () => {
  const owed = makeOwed(2);
  owed.add([
    { type: "head", stream: "user:a", head: 1 },
    { type: "head", stream: "user:b", head: 1 },
    { type: "head", stream: "user:c", head: 1 },
    { type: "head", stream: "user:b", head: 2 },
  ]);
  expect(owed.take()).toEqual([
    { type: "head", stream: "user:a", head: 1 },
    { type: "head", stream: "user:b", head: 2 },
  ]);
});
