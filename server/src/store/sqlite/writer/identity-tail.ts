import type { IdentityHash } from "./identity-hash.ts";

export const runRows = 1 << 18;
/** A group under way may add to a full tail before it is made a run. */
const mostRows = runRows * 2;
const slotsMask = mostRows * 2 - 1;

/** The newest rows' hashes in memory, by their place behind `firstId`; an open-addressing table finds them. */
export interface IdentityTail {
  readonly firstId: number;
  count: number;
  newestAt: number;
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  readonly slots: Int32Array;
}

export const makeTail = (firstId: number): IdentityTail => ({
  firstId,
  count: 0,
  newestAt: 0,
  first: new Uint32Array(mostRows),
  second: new Uint32Array(mostRows),
  slots: new Int32Array(slotsMask + 1),
});

export const hasRun = (tail: IdentityTail): boolean => tail.count >= runRows;
export const hasRoom = (tail: IdentityTail): boolean => tail.count < mostRows;

export function addToTail(tail: IdentityTail, hash: IdentityHash, createdAt: number): void {
  const place = tail.count++;
  tail.first[place] = hash.first;
  tail.second[place] = hash.second;
  if (createdAt > tail.newestAt) tail.newestAt = createdAt;
  let slot = hash.first & slotsMask;
  while (tail.slots[slot] !== 0) slot = (slot + 1) & slotsMask;
  tail.slots[slot] = place + 1;
}

/** A row that is gone keeps its place, so that places and ids stay in step. */
export const skipInTail = (tail: IdentityTail): void => void tail.count++;

/** Takes back what was added last: in that order, clearing a slot leaves the table as it was before. */
export function cutTail(tail: IdentityTail, count: number): void {
  while (tail.count > count) {
    const place = --tail.count;
    let slot = tail.first[place]! & slotsMask;
    while (tail.slots[slot] !== 0 && tail.slots[slot] !== place + 1) slot = (slot + 1) & slotsMask;
    tail.slots[slot] = 0;
  }
}

/** Every row that may be meant, newest last; `take` says whether it was. */
export function searchTail(tail: IdentityTail, hash: IdentityHash, take: (id: number) => boolean): boolean {
  for (let slot = hash.first & slotsMask; tail.slots[slot] !== 0; slot = (slot + 1) & slotsMask) {
    const place = tail.slots[slot]! - 1;
    const same = tail.first[place] === hash.first && tail.second[place] === hash.second;
    if (same && take(tail.firstId + place)) return true;
  }
  return false;
}
