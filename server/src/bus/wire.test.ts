import type { StreamName } from "@carillon/protocol/stream";
import fc from "fast-check";
import { expect, test } from "vitest";
import type { Row } from "../store/streams.ts";
import { answersTo, type BusMessage, everywhere } from "./driver.ts";
import { decodePayload, encodeMessage, wireVersion } from "./wire.ts";

const stream = fc
  .tuple(fc.constantFrom("user", "topic"), fc.stringMatching(/^[A-Za-z0-9._~@+=-]{1,128}$/))
  .map(([kind, name]) => `${kind}:${name}` as StreamName);
const whole = fc.maxSafeNat();
const time = fc.oneof(fc.maxSafeNat(), fc.double({ min: 0, max: 2e12, noNaN: true }));
const id = fc.uuid();
const text = fc.string({ unit: "binary" });

const row = fc
  .record({
    kind: fc.constantFrom(0, 1, 2),
    expiresAt: fc.option(time),
    receipt: fc.boolean(),
    body: text,
  })
  .map((some) => (some.kind === 2 ? { ...some, body: null } : some) as Omit<Row, "seq">);

const rows = fc
  .record({
    stream,
    first: fc.nat(),
    rows: fc.array(row, { minLength: 1 }),
    acceptedAt: time,
    committedAt: time,
  })
  .map(({ first, rows: some, ...rest }): BusMessage => {
    return { type: "rows", ...rest, rows: some.map((one, at) => ({ seq: first + at, ...one })) };
  });

const message: fc.Arbitrary<BusMessage> = fc.oneof(
  rows,
  fc.record({ type: fc.constant("head"), stream, head: whole }),
  fc.record({ type: fc.constant("changed"), stream, rev: whole }),
  fc.record({ type: fc.constant("withdrawn"), stream, seq: whole, rev: whole }),
  fc.record({ type: fc.constant("ephemeral"), stream, body: text }),
  fc.record({ type: fc.constant("erased"), stream: fc.constant(everywhere), user: id }),
  fc.record({ type: fc.constant("asked"), stream: fc.constant(everywhere), asker: id, id, user: id }),
  fc.record({
    type: fc.constant("present"),
    stream: id.map(answersTo),
    id,
    count: fc.nat(),
    sessions: fc.array(
      fc.record({
        session: id,
        transport: fc.constantFrom("websocket", "sse", "poll"),
        since: whole,
        device: fc.option(text),
        lingers: fc.boolean(),
      }),
    ),
  }),
);

const payloadOf = (messages: readonly BusMessage[]): string =>
  wireVersion + messages.map(encodeMessage).join("");

test("messages arrive as they were sent, whatever is in their bodies", () => {
  fc.assert(
    fc.property(fc.array(message), (messages) => {
      const sent = Buffer.from(payloadOf(messages)).toString();
      expect(decodePayload(sent)).toEqual(messages);
    }),
  );
});

test("half of a character in a body harms that body alone", () => {
  const bodies = ['"\ud83d"', '"whole"'];
  const messages = bodies.map((body): BusMessage => ({ type: "ephemeral", stream: "user:a", body }));
  const sent = Buffer.from(payloadOf(messages)).toString();
  expect(decodePayload(sent)).toEqual([
    { type: "ephemeral", stream: "user:a", body: '"\ufffd"' },
    { type: "ephemeral", stream: "user:a", body: '"whole"' },
  ]);
});

test("a payload that was cut, of another version or somebody else's is refused, and nothing is thrown", () => {
  fc.assert(
    fc.property(message, fc.nat(), fc.string({ unit: "binary" }), (one, at, garbage) => {
      const payload = payloadOf([one]);
      const cut = payload.slice(0, at % payload.length);
      if (cut !== wireVersion) expect(decodePayload(cut)).toBeNull();
      expect(decodePayload(`2${payload.slice(1)}`)).toBeNull();
      const read = decodePayload(payload + garbage);
      if (garbage !== "") expect(read === null || read.length > 1).toBe(true);
      expect(() => decodePayload(wireVersion + garbage)).not.toThrow();
    }),
  );
});

test.each([
  ["a stream that is none", "huser: 1 "],
  ["a head below zero", "huser:a -1 "],
  ["a head that is no number", "huser:a x "],
  ["no head", "huser:a  "],
  ["part of a seq", "huser:a 1.5 "],
  ["a kind that isn't known", "ruser:a 1 1 1 1 3 - 2 {}"],
  ["a tombstone with a body", "ruser:a 1 1 1 1 2 - 2 {}"],
  ["a notification without a body", "ruser:a 1 1 1 1 0 - - "],
  ["fewer rows than are told of", "ruser:a 1 1 1 2 0 - 2 {}"],
  ["a body shorter than its length", "euser:a 3 {}"],
])("%s is refused", (_, payload) => {
  expect(decodePayload(wireVersion + payload)).toBeNull();
});
