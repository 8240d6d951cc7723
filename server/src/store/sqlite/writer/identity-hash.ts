/** Two hashes of 32 bits of a stream's key, seeded so that nobody outside can choose keys that collide. */
export interface IdentityHash {
  first: number;
  second: number;
}

const mix = (value: number): number => {
  let hash = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
};

/** Into `out`: called once a row, and an object each would cost more than the hash. */
export function hashIdentity(out: IdentityHash, seed: number, streamId: number, key: string): void {
  let first = mix(seed ^ streamId) | 0;
  let second = mix(first ^ 0x9e3779b9) | 0;
  for (let at = 0; at < key.length; at++) {
    const unit = key.charCodeAt(at);
    first = Math.imul(first ^ unit, 0x01000193);
    second = Math.imul(second + unit, 0x5bd1e995) ^ (second >>> 15);
  }
  out.first = mix(first);
  out.second = mix(second);
}
