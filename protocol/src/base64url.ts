/**
 * base64url without padding (RFC 4648, section 5), on the front of byte arrays that are used again and again.
 * Strict: `decodeBase64url` takes exactly what `encodeBase64url` makes, one text for one value.
 */
export const encodeBase64url = (bytes: Uint8Array, end: number): string => {
  let text = "";
  let i = 0;
  for (; i + 2 < end; i += 3) {
    const triple = (bytes[i]! << 16) | (bytes[i + 1]! << 8) | bytes[i + 2]!;
    text += pairs[triple >>> 12]! + pairs[triple & 4095]!;
  }
  if (end - i === 1) text += pairs[bytes[i]! << 4]!;
  if (end - i === 2) {
    const double = (bytes[i]! << 8) | bytes[i + 1]!;
    text += pairs[double >>> 4]! + alphabet[(double & 15) << 2]!;
  }
  return text;
};

/** How many bytes were written to `into`; -1 when `text` is not base64url or has stray bits at its end. */
export const decodeBase64url = (text: string, into: Uint8Array): number => {
  const length = text.length;
  if (length % 4 === 1 || (length * 3) >> 2 > into.length) return -1;
  let size = 0;
  let bits = 0;
  let held = 0;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    const value = code < 128 ? values[code]! : -1;
    if (value < 0) return -1;
    held = ((held << 6) | value) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      into[size++] = held >>> bits;
    }
  }
  return (held & ((1 << bits) - 1)) === 0 ? size : -1;
};

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
const pairs = Array.from({ length: 4096 }, (_, n) => alphabet.charAt(n >> 6) + alphabet.charAt(n & 63));
const values = new Int8Array(128).fill(-1);
for (let i = 0; i < 64; i++) values[alphabet.charCodeAt(i)] = i;
