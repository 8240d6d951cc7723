import { Reader, readRecordsBatches } from "@platformatic/kafka";
import fc from "fast-check";
import { expect, test } from "vitest";
import { encodeBatch, readBatches } from "./record-batch.ts";

const bytes = fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some));
const messages = fc.array(fc.record({ key: bytes, value: bytes }), { minLength: 1, maxLength: 200 });
const sequence = { producerId: 4_711n, epoch: 3, first: 99 };
const nowMs = 1_800_000_000_000;

test("what is encoded is read back, also by the client's own reader", () => {
  fc.assert(
    fc.property(messages, (sent) => {
      const encoded = encodeBatch(sent, nowMs, sequence);
      const [batch] = readBatches(encoded);
      expect(batch!.records!.map(({ key, value }) => ({ key, value }))).toEqual(sent);
      expect(batch!.lastOffset).toBe(BigInt(sent.length - 1));
      const [theirs] = readRecordsBatches(Reader.from(encoded));
      expect(theirs).toMatchObject({ producerId: 4_711n, producerEpoch: 3, firstSequence: 99 });
      expect(theirs!.records.map(({ key, value }) => ({ key, value }))).toEqual(sent);
    }),
  );
});

test("a batch that is cut anywhere is left for the next fetch", () => {
  const whole = encodeBatch([{ key: Buffer.from("a"), value: Buffer.alloc(50) }], nowMs, sequence);
  for (let cut = 0; cut < whole.length; cut++) {
    expect(readBatches(Buffer.concat([whole, whole.subarray(0, cut)]))).toHaveLength(1);
  }
});

test("a batch whose records can't be read says why and where it ends", () => {
  const broken = encodeBatch([{ key: Buffer.from("a"), value: Buffer.from("b") }], nowMs, sequence);
  broken.writeInt32BE(7, 57);
  const unknown = Buffer.from(broken);
  unknown.writeInt16BE(0b111, 21);
  const read = readBatches(Buffer.concat([broken, unknown]));
  expect(read).toMatchObject([
    { records: null, reason: expect.stringContaining("ends early"), lastOffset: 0n },
    { records: null, reason: expect.stringContaining("compression"), lastOffset: 0n },
  ]);
});
