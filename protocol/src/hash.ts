/**
 * MurmurHash3, the 32-bit x86 variant, over the bytes of an ASCII string (stream names are ASCII, so their
 * characters are their UTF-8 bytes). Fixed for ever: parts and cursors are made of it.
 * Source: Austin Appleby's public-domain reference, `MurmurHash3_x86_32`; vectors in `vectors/streams.json`.
 */
export const murmur3 = (text: string, seed: number): number => {
  const length = text.length;
  const blocksEnd = length & ~3;
  let h = seed | 0;
  let i = 0;
  while (i < blocksEnd) {
    const block =
      text.charCodeAt(i) |
      (text.charCodeAt(i + 1) << 8) |
      (text.charCodeAt(i + 2) << 16) |
      (text.charCodeAt(i + 3) << 24);
    h ^= scramble(block);
    h = (h << 13) | (h >>> 19);
    h = (Math.imul(h, 5) + 0xe6546b64) | 0;
    i += 4;
  }
  let tail = 0;
  for (let at = length - 1; at >= i; at--) tail = (tail << 8) | text.charCodeAt(at);
  h ^= scramble(tail);
  h ^= length;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

const scramble = (block: number): number => {
  const k = Math.imul(block, 0xcc9e2d51);
  return Math.imul((k << 15) | (k >>> 17), 0x1b873593);
};
