/**
 * Kafka's record batch, magic 2: what a produce request carries and a fetch brings, one layout for both.
 * Source: https://kafka.apache.org/documentation/#recordbatch
 */
import { compressionsAlgorithmsByBitmask, crc32c } from "@platformatic/kafka";

export interface Message {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Who writes, and the place of the batch's first record in what they have written to the partition. */
export interface Sequence {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly first: number;
}

export interface ReadRecord {
  readonly offset: bigint;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
}

export interface ReadBatch {
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
  readonly control: boolean;
  readonly transactional: boolean;
  /** Null when the records can't be read; `reason` says why. */
  readonly records: readonly ReadRecord[] | null;
  readonly reason: string | null;
}

const magic = 2;
const headSizeBytes = 61;
const lengthEnd = 12;
const crcFrom = 21;
const compressionBits = 0b111;
const transactionalBit = 1 << 4;
const controlBit = 1 << 5;

/** Beside key and value, at most: lengths, deltas and attributes. */
export const messageOverheadBytes = 24;
export const batchOverheadBytes = headSizeBytes;

const varintSize = (value: number): number => {
  let size = 1;
  for (let rest = value * 2; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
};

/** Of a number from 0: zigzag only doubles it. */
const writeVarint = (buffer: Buffer, value: number, at: number): number => {
  let rest = value * 2;
  while (rest > 127) {
    buffer[at++] = (rest & 127) | 128;
    rest = Math.floor(rest / 128);
  }
  buffer[at++] = rest;
  return at;
};

export function encodeBatch(messages: readonly Message[], nowMs: number, sequence: Sequence): Buffer {
  const sizes: number[] = [];
  let total = headSizeBytes;
  for (let at = 0; at < messages.length; at++) {
    const { key, value } = messages[at]!;
    const size =
      3 + varintSize(at) + varintSize(key.length) + key.length + varintSize(value.length) + value.length;
    sizes.push(size);
    total += varintSize(size) + size;
  }
  const buffer = Buffer.allocUnsafe(total);
  buffer.writeBigInt64BE(0n, 0);
  buffer.writeInt32BE(total - lengthEnd, 8);
  buffer.writeInt32BE(-1, 12);
  buffer[16] = magic;
  buffer.writeInt16BE(0, 21);
  buffer.writeInt32BE(messages.length - 1, 23);
  buffer.writeBigInt64BE(BigInt(Math.floor(nowMs)), 27);
  buffer.writeBigInt64BE(BigInt(Math.floor(nowMs)), 35);
  buffer.writeBigInt64BE(sequence.producerId, 43);
  buffer.writeInt16BE(sequence.epoch, 51);
  buffer.writeInt32BE(sequence.first, 53);
  buffer.writeInt32BE(messages.length, 57);
  let to = headSizeBytes;
  for (let at = 0; at < messages.length; at++) {
    const { key, value } = messages[at]!;
    to = writeVarint(buffer, sizes[at]!, to);
    buffer[to++] = 0;
    buffer[to++] = 0;
    to = writeVarint(buffer, at, to);
    to = writeVarint(buffer, key.length, to);
    to += key.copy(buffer, to);
    to = writeVarint(buffer, value.length, to);
    to += value.copy(buffer, to);
    buffer[to++] = 0;
  }
  buffer.writeUInt32BE(crc32c(buffer.subarray(crcFrom)), 17);
  return buffer;
}

interface Cursor {
  readonly buffer: Buffer;
  at: number;
}

const readVarint = (cursor: Cursor): number => {
  let value = 0;
  let scale = 1;
  for (;;) {
    const byte = cursor.buffer[cursor.at++];
    if (byte === undefined) throw new Error("it ends early");
    value += (byte & 127) * scale;
    if (byte < 128) break;
    scale *= 128;
  }
  return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
};

const readBytes = (cursor: Cursor): Buffer | null => {
  const size = readVarint(cursor);
  if (size < 0) return null;
  const from = cursor.at;
  cursor.at += size;
  if (cursor.at > cursor.buffer.length) throw new Error("it ends early");
  return cursor.buffer.subarray(from, cursor.at);
};

const readRecords = (buffer: Buffer, count: number, firstOffset: bigint): ReadRecord[] => {
  const records: ReadRecord[] = [];
  const cursor: Cursor = { buffer, at: 0 };
  for (let i = 0; i < count; i++) {
    const size = readVarint(cursor);
    const end = cursor.at + size;
    cursor.at++;
    readVarint(cursor);
    const offset = firstOffset + BigInt(readVarint(cursor));
    const key = readBytes(cursor);
    records.push({ offset, key, value: readBytes(cursor) });
    cursor.at = end;
  }
  return records;
};

const decompress = (buffer: Buffer, attributes: number): Buffer => {
  const bits = attributes & compressionBits;
  if (bits === 0) return buffer;
  const algorithm = compressionsAlgorithmsByBitmask[bits];
  if (!algorithm) throw new Error(`its compression (${bits}) isn't known`);
  return algorithm.decompressSync(buffer);
};

/** The whole batches in what a fetch brought; it may cut the last one anywhere. */
export function readBatches(buffer: Buffer): ReadBatch[] {
  const batches: ReadBatch[] = [];
  for (let from = 0; from + lengthEnd <= buffer.length; ) {
    const end = from + lengthEnd + buffer.readInt32BE(from + 8);
    if (end > buffer.length || end < from + headSizeBytes) break;
    const firstOffset = buffer.readBigInt64BE(from);
    const attributes = buffer.readInt16BE(from + 21);
    const lastOffset = firstOffset + BigInt(buffer.readInt32BE(from + 23));
    const count = buffer.readInt32BE(from + 57);
    let records: ReadRecord[] | null = null;
    let reason: string | null = null;
    try {
      if (buffer[from + 16] !== magic) throw new Error(`its format (${buffer[from + 16]}) isn't known`);
      records = readRecords(
        decompress(buffer.subarray(from + headSizeBytes, end), attributes),
        count,
        firstOffset,
      );
    } catch (error) {
      reason = `its batch can't be read: ${error instanceof Error ? error.message : error}`;
    }
    batches.push({
      firstOffset,
      lastOffset,
      control: (attributes & controlBit) !== 0,
      transactional: (attributes & transactionalBit) !== 0,
      records,
      reason,
    });
    from = end;
  }
  return batches;
}
