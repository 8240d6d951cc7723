/**
 * The cursor: where a client stands in each stream that it follows, as one short token.
 *
 * base64url without padding of
 *
 *     version    1 byte, 1
 *     n          varint, how many streams: 0 to 257
 *     n times    tag 6 bytes, epoch 1 byte, seq varint; ascending by tag, no tag twice
 *     crc32      4 bytes, of everything before
 *
 * Numbers are big-endian; a varint is unsigned LEB128 in its shortest form, at most 2^53 - 1. One value has one
 * encoding and anything else is refused, so a damaged token never means "from the start". A token is no
 * capability: it names places, and what may be read there is decided by the server at every use. For three
 * streams it has about 45 characters, for 257 at most 5,150.
 */
import { decodeBase64url, encodeBase64url } from "./base64url.ts";
import { crc32 } from "./crc32.ts";
import { murmur3 } from "./hash.ts";
import type { StreamName } from "./stream.ts";

/** The user's own stream and 256 topics. */
export const cursorEntriesMax = 257;

/** 48 bits of a stream's name, as an integer. */
export type StreamTag = number;

export interface CursorPlace {
  /** The server's epoch modulo 256. */
  readonly epoch: number;
  /** The newest seq that the client has; 0 before the first. */
  readonly seq: number;
}

export interface CursorEntry extends CursorPlace {
  readonly tag: StreamTag;
}

export type DecodedCursor =
  | { readonly entries: ReadonlyMap<StreamTag, CursorPlace>; readonly error?: undefined }
  | { readonly entries?: undefined; readonly error: string };

/**
 * The tag of a stream: MurmurHash3 (x86, 32 bit) of its name with seed 1 in the upper 16 bits (its low half)
 * and with seed 0 in the lower 32. Fixed for ever; vectors in `vectors/streams.json`.
 */
export const tagOf = (stream: StreamName): StreamTag =>
  (murmur3(stream, 1) & 0xffff) * 2 ** 32 + murmur3(stream, 0);

/**
 * Entries in any order; `epoch` is taken modulo 256. Where two streams share a tag, the lower seq is kept: the
 * client may see something again, which it drops by seq, but misses nothing. Entries that come sorted by tag
 * are cheaper. Throws RangeError for more than 257 entries or a seq that isn't one: that is a bug.
 */
export const encodeCursor = (entries: Iterable<CursorEntry>): string => {
  const sorted = distinct([...entries]);
  if (sorted.length > cursorEntriesMax) throw new RangeError(`a cursor of ${sorted.length} streams`);
  buffer[0] = version;
  let at = writeVarint(sorted.length, 1);
  for (const { tag, epoch, seq } of sorted) {
    if (!Number.isSafeInteger(seq) || seq < 0) throw new RangeError(`not a seq: ${seq}`);
    at = writeUint32(tag, writeUint16(tag / 2 ** 32, at));
    buffer[at++] = epoch;
    at = writeVarint(seq, at);
  }
  return encodeBase64url(buffer, writeUint32(crc32(buffer, at), at));
};

/** Never throws, whatever the text. `error` says what is wrong, for people. */
export const decodeCursor = (token: string): DecodedCursor => {
  if (token.length > tokenLengthMax) return { error: "longer than a cursor can be" };
  const size = decodeBase64url(token, buffer);
  if (size < 0) return { error: "not base64url" };
  if (size < 6) return { error: "cut short" };
  const end = size - 4;
  if (crc32(buffer, end) !== readUint32(end)) return { error: "damaged: the checksum doesn't match" };
  if (buffer[0] !== version) return { error: `of an unknown version: ${buffer[0]}` };

  const entries = new Map<StreamTag, CursorPlace>();
  let at = 1;
  const count = readVarint(at, end);
  if (count < 0 || count > cursorEntriesMax) return { error: "the number of its streams is out of bounds" };
  at += varintSize(count);
  let last = -1;
  for (let i = 0; i < count; i++) {
    if (at + 8 > end) return { error: "cut short" };
    const tag = ((buffer[at]! << 8) | buffer[at + 1]!) * 2 ** 32 + readUint32(at + 2);
    if (tag <= last) return { error: "its streams are out of order" };
    const seq = readVarint(at + 7, end);
    if (seq < 0) return { error: "a seq in it is out of bounds" };
    entries.set(tag, { epoch: buffer[at + 6]!, seq });
    last = tag;
    at += 7 + varintSize(seq);
  }
  return at === end ? { entries } : { error: "it has something behind its end" };
};

const version = 1;
const sizeMax = 1 + 2 + cursorEntriesMax * (6 + 1 + 8) + 4;
const tokenLengthMax = Math.ceil((sizeMax * 4) / 3);

/** Used by every call; none of them gives way to another before it is done. */
const buffer = new Uint8Array(sizeMax);

const distinct = (entries: CursorEntry[]): readonly CursorEntry[] => {
  let last = -1;
  let ascending = true;
  for (const { tag } of entries) {
    if (tag <= last) ascending = false;
    last = tag;
  }
  if (ascending) return entries;
  entries.sort((a, b) => a.tag - b.tag || a.seq - b.seq);
  return entries.filter((entry, i) => entry.tag !== entries[i - 1]?.tag);
};

const writeUint16 = (value: number, at: number): number => {
  buffer[at] = value >>> 8;
  buffer[at + 1] = value;
  return at + 2;
};

const writeUint32 = (value: number, at: number): number => {
  buffer[at] = value >>> 24;
  buffer[at + 1] = value >>> 16;
  buffer[at + 2] = value >>> 8;
  buffer[at + 3] = value;
  return at + 4;
};

const readUint32 = (at: number): number =>
  ((buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!) >>> 0;

const writeVarint = (value: number, start: number): number => {
  let at = start;
  let rest = value;
  while (rest > 127) {
    buffer[at++] = (rest % 128) | 128;
    rest = Math.floor(rest / 128);
  }
  buffer[at++] = rest;
  return at;
};

const varintSize = (value: number): number => {
  let size = 1;
  for (let rest = value; rest > 127; rest = Math.floor(rest / 128)) size++;
  return size;
};

/** -1 when it ends too late, is not in its shortest form or beyond 2^53 - 1. */
const readVarint = (start: number, end: number): number => {
  let value = 0;
  let scale = 1;
  for (let at = start; at < end && at < start + 8; at++) {
    const byte = buffer[at]!;
    value += (byte & 127) * scale;
    if (byte < 128) return (byte === 0 && at > start) || value > Number.MAX_SAFE_INTEGER ? -1 : value;
    scale *= 128;
  }
  return -1;
};
