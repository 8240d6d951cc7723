/**
 * The places of a cursor (spec.md, section 7), which the badge needs: whether a notification was counted by the server.
 * Cursors come from the server that served this page, so the checksum isn't looked at.
 */

/** By a stream's tag, its seq; empty for a version that isn't known. @param {string} cursor */
export function placesOf(cursor) {
  /** @type {Map<number, number>} */
  const places = new Map();
  const bytes = bytesOf(cursor);
  if (bytes[0] !== 1) return places;
  let at = 1;
  const varint = () => {
    for (let value = 0, unit = 1; ; unit *= 128) {
      const byte = bytes[at++] ?? 0;
      value += (byte % 128) * unit;
      if (byte < 128) return value;
    }
  };
  for (let left = varint(); left > 0 && at < bytes.length; left--) {
    const tag = bytes.subarray(at, at + 6).reduce((sum, byte) => sum * 256 + byte, 0);
    at += 7;
    places.set(tag, varint());
  }
  return places;
}

/** @param {string} cursor */
function bytesOf(cursor) {
  try {
    const text = atob(cursor.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(text, (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

/** @param {string} stream */
export const tagOf = (stream) => (murmur3(stream, 1) & 0xffff) * 2 ** 32 + murmur3(stream, 0);

/** MurmurHash3_x86_32 of ASCII text. @param {string} text @param {number} seed */
function murmur3(text, seed) {
  const byte = (/** @type {number} */ at) => text.charCodeAt(at) & 0xff;
  let hash = seed;
  const whole = text.length & ~3;
  for (let at = 0; at < whole; at += 4) {
    hash ^= mixed(byte(at) | (byte(at + 1) << 8) | (byte(at + 2) << 16) | (byte(at + 3) << 24));
    hash = (Math.imul((hash << 13) | (hash >>> 19), 5) + 0xe6546b64) | 0;
  }
  let tail = 0;
  for (let at = text.length - 1; at >= whole; at--) tail = (tail << 8) | byte(at);
  if (whole < text.length) hash ^= mixed(tail);
  hash ^= text.length;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** @param {number} block */
function mixed(block) {
  const spread = Math.imul(block, 0xcc9e2d51);
  return Math.imul((spread << 15) | (spread >>> 17), 0x1b873593);
}
