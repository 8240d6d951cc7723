/**
 * The server's WebSocket frames (RFC 6455), read in place. A notification's members are found by their place in the
 * bytes; JSON.parse would cost the load more than the server spends on the push.
 */
import type { Taken } from "./ledger.ts";

export interface FrameReader {
  notification(taken: Taken): void;
  /** Any other text frame. */
  other(frame: { readonly type: string; readonly cursor?: string }): void;
  ping(): void;
  /** The code of a close frame. */
  closed(code: number): void;
}

const textFrame = 0x81;
const pingFrame = 0x89;
const closeFrame = 0x88;

const quote = 0x22;
const prefix = Buffer.from('{"type":"notification","stream":"');
const idMember = Buffer.from('"id":"');
const seqMember = '","seq":'.length - 1;
const prevMember = ',"prev":'.length;

/** Reused: a notification's members are used up before the next frame is read. */
const taken = { topic: false, seq: 0, prev: 0, id: 0 };
const place = { at: 0 };

/** Reads whole frames of bytes[0, end) and says where the first incomplete one begins. */
export function readFrames(bytes: Buffer, end: number, reader: FrameReader): number {
  let at = 0;
  while (at + 2 <= end) {
    let start = at + 2;
    let length = bytes[at + 1]!;
    if (length === 126) {
      if (at + 4 > end) break;
      length = bytes.readUInt16BE(at + 2);
      start = at + 4;
    } else if (length === 127) {
      if (at + 10 > end) break;
      length = Number(bytes.readBigUInt64BE(at + 2));
      start = at + 10;
    }
    if (start + length > end) break;
    const kind = bytes[at]!;
    if (kind === textFrame) readText(bytes, start, start + length, reader);
    else if (kind === pingFrame) reader.ping();
    else if (kind === closeFrame) reader.closed(length >= 2 ? bytes.readUInt16BE(start) : 1005);
    else throw new Error(`a frame of the unexpected kind ${kind}`);
    at = start + length;
  }
  return at;
}

/** Digits from `place.at` on, which is moved behind them. */
function readNumber(bytes: Buffer): number {
  let value = 0;
  for (;;) {
    const digit = bytes[place.at]! - 0x30;
    if (!(digit >= 0 && digit <= 9)) return value;
    value = value * 10 + digit;
    place.at++;
  }
}

const isNotification = (bytes: Buffer, start: number): boolean =>
  bytes[start + 9] === prefix[9] && bytes[start + 10] === prefix[10] && bytes[start + 20] === prefix[20];

function readText(bytes: Buffer, start: number, end: number, reader: FrameReader): void {
  if (!isNotification(bytes, start)) return reader.other(JSON.parse(bytes.toString("utf8", start, end)));
  place.at = start + prefix.length;
  taken.topic = bytes[place.at] === 0x74;
  while (bytes[place.at] !== quote) place.at++;
  place.at += seqMember + 1;
  taken.seq = readNumber(bytes);
  place.at += prevMember;
  taken.prev = readNumber(bytes);
  const member = bytes.indexOf(idMember, place.at);
  if (member === -1 || member > end) throw new Error("a notification without an id");
  place.at = member + idMember.length + idPrefixLength;
  taken.id = readNumber(bytes);
  reader.notification(taken);
}

/** As long as a UUID, and a number all the same. */
const idPrefix = "0193a0b4-6c1e-7000-8000-";
const idPrefixLength = idPrefix.length;
export const idOf = (number: number): string => idPrefix + String(number).padStart(12, "0");
