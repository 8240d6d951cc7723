import type { IdentityHash } from "./identity-hash.ts";

/**
 * A Bloom filter over one run: 16 bits and 4 probes an identity, wrong about one in 400 (B. Bloom, "Space/Time
 * Trade-offs in Hash Coding with Allowable Errors", 1970).
 */
const bitsPerRow = 16;
const probes = 4;

export const makeFilter = (rows: number): Uint8Array => new Uint8Array((rows * bitsPerRow) / 8);

export function addToFilter(filter: Uint8Array, { first, second }: IdentityHash): void {
  const mask = filter.length * 8 - 1;
  for (let probe = 0, at = first; probe < probes; probe++, at = (at + second) >>> 0) {
    const bit = at & mask;
    filter[bit >>> 3]! |= 1 << (bit & 7);
  }
}

export function mayContain(filter: Uint8Array, { first, second }: IdentityHash): boolean {
  const mask = filter.length * 8 - 1;
  for (let probe = 0, at = first; probe < probes; probe++, at = (at + second) >>> 0) {
    const bit = at & mask;
    if ((filter[bit >>> 3]! & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}
