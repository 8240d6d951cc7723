/**
 * The place between two pages of an inbox, as a token: how far each stream was paged, and the cursor of the first page.
 *
 * base64url without padding of
 *
 *     version    1 byte, 66
 *     epoch      1 byte, modulo 256
 *     n          2 bytes, how many streams: 0 to 257
 *     n times    tag 6 bytes; sizes 1 byte, of the two numbers that follow (16 x the first + the second, each 0 to 7);
 *                seq, of the cursor; next, the newest that wasn't looked at, at most seq, 0 for none
 *     crc32      4 bytes, of everything before
 *
 * ascending by tag, no tag twice. Numbers are big-endian, without leading zeros. As with a cursor, one value has one
 * encoding and anything else is refused, so a damaged token never means "from the start"; and it is no capability. For
 * three streams it has about 60 characters, for 257 at most 7,207.
 */
import { decodeBase64url, encodeBase64url } from "@carillon/protocol/base64url";
import { crc32 } from "@carillon/protocol/crc32";
import { cursorEntriesMax, type StreamTag } from "@carillon/protocol/cursor";

export interface BeforePlace {
  /** Of the first page's cursor. */
  readonly seq: number;
  /** The newest seq that wasn't looked at; 0: none. */
  readonly next: number;
}

export interface Before {
  /** Modulo 256. */
  readonly epoch: number;
  readonly places: ReadonlyMap<StreamTag, BeforePlace>;
}

const version = 66;
const headBytes = 4;
const seqBytes = 7;
const sumBytes = 4;
const sizeMost = headBytes + cursorEntriesMax * (6 + 1 + 2 * seqBytes) + sumBytes;
const lengthMost = Math.ceil((sizeMost * 4) / 3);

export function encodeBefore({ epoch, places }: Before): string {
  const buffer = Buffer.allocUnsafe(sizeMost);
  buffer[0] = version;
  buffer[1] = epoch;
  buffer.writeUInt16BE(places.size, 2);
  let at = headBytes;
  for (const [tag, { seq, next }] of [...places].sort(([one], [other]) => one - other)) {
    const sizes = [bytesOf(seq), bytesOf(next)] as const;
    buffer.writeUIntBE(tag, at, 6);
    buffer[at + 6] = sizes[0] * 16 + sizes[1];
    at = write(buffer, next, write(buffer, seq, at + 7, sizes[0]), sizes[1]);
  }
  buffer.writeUInt32BE(crc32(buffer, at), at);
  return encodeBase64url(buffer, at + sumBytes);
}

/** Never throws, whatever the text; null: it is not such a token. */
export function decodeBefore(token: string): Before | null {
  if (token.length > lengthMost) return null;
  const buffer = Buffer.alloc(sizeMost);
  const end = decodeBase64url(token, buffer) - sumBytes;
  if (end < headBytes || crc32(buffer, end) !== buffer.readUInt32BE(end) || buffer[0] !== version)
    return null;
  const places = new Map<StreamTag, BeforePlace>();
  let at = headBytes;
  let last = -1;
  for (let left = buffer.readUInt16BE(2); left > 0; left--) {
    if (at + 7 > end) return null;
    const tag = buffer.readUIntBE(at, 6);
    const [seqSize, nextSize] = [buffer[at + 6]! >> 4, buffer[at + 6]! & 15];
    if (seqSize > seqBytes || nextSize > seqBytes || at + 7 + seqSize + nextSize > end) return null;
    const seq = read(buffer, at + 7, seqSize);
    const next = read(buffer, at + 7 + seqSize, nextSize);
    const isShortest = bytesOf(seq) === seqSize && bytesOf(next) === nextSize;
    if (tag <= last || !isShortest || seq > Number.MAX_SAFE_INTEGER || next > seq) return null;
    places.set(tag, { seq, next });
    last = tag;
    at += 7 + seqSize + nextSize;
  }
  return at === end && places.size <= cursorEntriesMax ? { epoch: buffer[1]!, places } : null;
}

function bytesOf(value: number): number {
  let size = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) size++;
  return size;
}

function write(to: Buffer, value: number, at: number, size: number): number {
  let rest = value;
  for (let byte = at + size - 1; byte >= at; byte--) {
    to[byte] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return at + size;
}

function read(from: Buffer, at: number, size: number): number {
  let value = 0;
  for (let byte = at; byte < at + size; byte++) value = value * 256 + from[byte]!;
  return value;
}
