import type { IdentityHash } from "./identity-hash.ts";

/** The newest rows' hashes in memory, by their place behind `firstId`; an open-addressing table finds them. */
export interface IdentityTail {
  /** With so many rows it is made a run; a group under way may add as many again. A power of two. */
  readonly runRows: number;
  readonly firstId: number;
  count: number;
  newestAt: number;
  readonly first: Uint32Array;
  readonly second: Uint32Array;
  readonly slots: Int32Array;
}

export const makeTail = (firstId: number, runRows: number): IdentityTail => ({
  runRows,
  firstId,
  count: 0,
  newestAt: 0,
  first: new Uint32Array(runRows * 2),
  second: new Uint32Array(runRows * 2),
  slots: new Int32Array(runRows * 4),
});

export const hasRun = (tail: IdentityTail): boolean => tail.count >= tail.runRows;
export const hasRoom = (tail: IdentityTail): boolean => tail.count < tail.runRows * 2;

export function addToTail(tail: IdentityTail, hash: IdentityHash, createdAt: number): void {
  const place = tail.count++;
  tail.first[place] = hash.first;
  tail.second[place] = hash.second;
  if (createdAt > tail.newestAt) tail.newestAt = createdAt;
  const mask = tail.slots.length - 1;
  let slot = hash.first & mask;
  while (tail.slots[slot] !== 0) slot = (slot + 1) & mask;
  tail.slots[slot] = place + 1;
}

/** A row that is gone keeps its place, so that places and ids stay in step. */
export const skipInTail = (tail: IdentityTail): void => void tail.count++;

/** Takes back what was added last: in that order, clearing a slot leaves the table as it was before. */
export function cutTail(tail: IdentityTail, count: number): void {
  const mask = tail.slots.length - 1;
  while (tail.count > count) {
    const place = --tail.count;
    let slot = tail.first[place]! & mask;
    while (tail.slots[slot] !== 0 && tail.slots[slot] !== place + 1) slot = (slot + 1) & mask;
    tail.slots[slot] = 0;
  }
}

/** Every row that may be meant, newest last; `take` says whether it was. */
export function searchTail(tail: IdentityTail, hash: IdentityHash, take: (id: number) => boolean): boolean {
  const mask = tail.slots.length - 1;
  for (let slot = hash.first & mask; tail.slots[slot] !== 0; slot = (slot + 1) & mask) {
    const place = tail.slots[slot]! - 1;
    const same = tail.first[place] === hash.first && tail.second[place] === hash.second;
    if (same && take(tail.firstId + place)) return true;
  }
  return false;
}
