/**
 * Arrays in PostgreSQL's binary form, as a parameter: the driver would write them as text, quoted and escaped element by
 * element. https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/utils/adt/arrayfuncs.c (array_recv)
 */
const headerBytes = 20;

function header(to: Buffer, elementType: number, length: number, nulls: boolean): void {
  to.writeInt32BE(length === 0 ? 0 : 1, 0);
  to.writeInt32BE(nulls ? 1 : 0, 4);
  to.writeInt32BE(elementType, 8);
  if (length === 0) return;
  to.writeInt32BE(length, 12);
  to.writeInt32BE(1, 16);
}

const sizeOf = (length: number): number => (length === 0 ? 12 : headerBytes);

function variable(elementType: number, values: readonly (string | null)[]): Buffer {
  let size = sizeOf(values.length) + 4 * values.length;
  for (const value of values) if (value !== null) size += Buffer.byteLength(value);
  const to = Buffer.allocUnsafe(size);
  header(to, elementType, values.length, values.includes(null));
  let at = headerBytes;
  for (const value of values) {
    const bytes = value === null ? -1 : to.write(value, at + 4);
    to.writeInt32BE(bytes, at);
    at += 4 + Math.max(0, bytes);
  }
  return to;
}

/** `text[]`; U+0000 is refused by the server (22021). */
export const texts = (values: readonly (string | null)[]): Buffer => variable(25, values);

/** `bytea[]` of the strings in UTF-8: for what may hold any character. */
export const bytes = (values: readonly (string | null)[]): Buffer => variable(17, values);

export function integers(values: readonly number[]): Buffer {
  const to = Buffer.allocUnsafe(sizeOf(values.length) + 8 * values.length);
  header(to, 23, values.length, false);
  let at = headerBytes;
  for (const value of values) {
    to.writeInt32BE(4, at);
    to.writeInt32BE(value, at + 4);
    at += 8;
  }
  return to;
}

export function smallints(values: readonly number[]): Buffer {
  const to = Buffer.allocUnsafe(sizeOf(values.length) + 6 * values.length);
  header(to, 21, values.length, false);
  let at = headerBytes;
  for (const value of values) {
    to.writeInt32BE(2, at);
    to.writeInt16BE(value, at + 4);
    at += 6;
  }
  return to;
}

/** `bigint[]` of what a double holds exactly; fractions are cut off. */
export function bigints(values: readonly (number | null)[]): Buffer {
  const to = Buffer.allocUnsafe(sizeOf(values.length) + 12 * values.length);
  header(to, 20, values.length, values.includes(null));
  let at = headerBytes;
  for (const value of values) {
    if (value === null) {
      to.writeInt32BE(-1, at);
      at += 4;
      continue;
    }
    const whole = Math.trunc(value);
    const high = Math.floor(whole / 0x1_0000_0000);
    to.writeInt32BE(8, at);
    to.writeInt32BE(high, at + 4);
    to.writeUInt32BE(whole - high * 0x1_0000_0000, at + 8);
    at += 12;
  }
  return to.subarray(0, values.length === 0 ? 12 : at);
}

/** Numbers as text of an array, for an element of a `text[]`: arrays of arrays are all of one length. */
export const seqsText = (seqs: readonly number[]): string => `{${seqs.join(",")}}`;

export const seqsIn = (text: string): number[] =>
  text === "{}" ? [] : text.slice(1, -1).split(",").map(Number);
