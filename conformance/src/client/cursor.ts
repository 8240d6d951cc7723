/** Makes cursors as section 7 of the specification describes them, from that text alone. */
import { crc32 } from "node:zlib";

export interface Place {
  readonly stream: string;
  /** `hello.epoch`. */
  readonly epoch: number;
  readonly seq: number;
}

export function makeCursor(places: readonly Place[]): string {
  const entries = places
    .map(({ stream, epoch, seq }) => ({ tag: tagOf(stream), rest: [epoch % 256, ...varint(seq)] }))
    .sort((a, b) => Buffer.compare(a.tag, b.tag));
  const body = Buffer.concat([
    Buffer.from([1, ...varint(entries.length)]),
    ...entries.flatMap(({ tag, rest }) => [tag, Buffer.from(rest)]),
  ]);
  const checksum = Buffer.alloc(4);
  checksum.writeUInt32BE(crc32(body));
  return Buffer.concat([body, checksum]).toString("base64url");
}

function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = BigInt(value);
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return bytes;
}

function tagOf(stream: string): Buffer {
  const name = Buffer.from(stream, "ascii");
  const tag = Buffer.alloc(6);
  tag.writeUInt16BE(murmur3(name, 1) & 0xffff, 0);
  tag.writeUInt32BE(murmur3(name, 0), 2);
  return tag;
}

const rotate = (value: number, by: number): number => (value << by) | (value >>> (32 - by));

/** MurmurHash3_x86_32, as its author published it. */
function murmur3(bytes: Buffer, seed: number): number {
  const scramble = (k: number): number => Math.imul(rotate(Math.imul(k, 0xcc9e2d51), 15), 0x1b873593);
  const whole = bytes.length & ~3;
  let hash = seed;
  for (let at = 0; at < whole; at += 4) {
    hash = Math.imul(rotate(hash ^ scramble(bytes.readInt32LE(at)), 13), 5) + 0xe6546b64;
  }
  const tail = bytes.subarray(whole).reduce((k, byte, at) => k | (byte << (8 * at)), 0);
  hash ^= scramble(tail) ^ bytes.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
