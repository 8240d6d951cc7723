/** Revocations in memory, and which tokens they cover. Pure but for what it holds. */
import type { Revocation, RevocationPlace } from "../store/access.ts";
import { hashOfUser } from "../store/erasing.ts";
import type { Client } from "./principal.ts";

export interface RevokedSet {
  /** Of two in one place the later one counts. */
  add(revocation: Revocation): void;
  remove(place: RevocationPlace): void;
  covers(client: Pick<Client, "user" | "issuedAt" | "tokenId">): boolean;
  size(): number;
}

interface OfUser {
  before: number;
  readonly tokens: Set<string>;
}

const never = Number.NEGATIVE_INFINITY;

export function makeRevokedSet(): RevokedSet {
  const users = new Map<string, OfUser>();
  let everybodyBefore = never;

  /** Of users who were erased nothing but a hash is known. */
  let hashed = 0;

  const ofUser = (user: string): OfUser => {
    let one = users.get(user);
    if (one === undefined) {
      one = { before: never, tokens: new Set() };
      users.set(user, one);
      if (user.startsWith("#")) hashed += 1;
    }
    return one;
  };

  return {
    add({ user, tokenId, issuedBefore }) {
      if (user === null) everybodyBefore = Math.max(everybodyBefore, issuedBefore ?? never);
      else if (tokenId !== null) ofUser(user).tokens.add(tokenId);
      else ofUser(user).before = Math.max(ofUser(user).before, issuedBefore ?? never);
    },

    remove({ user, tokenId }) {
      if (user === null) {
        everybodyBefore = never;
        return;
      }
      const one = users.get(user);
      if (one === undefined) return;
      if (tokenId === null) one.before = never;
      else one.tokens.delete(tokenId);
      if (one.before !== never || one.tokens.size > 0) return;
      users.delete(user);
      if (user.startsWith("#")) hashed -= 1;
    },

    covers({ user, issuedAt, tokenId }) {
      if (issuedAt < everybodyBefore) return true;
      const erased = hashed > 0 ? users.get(hashOfUser(user)) : undefined;
      if (erased !== undefined && issuedAt < erased.before) return true;
      const one = users.get(user);
      if (one === undefined) return false;
      return issuedAt < one.before || (tokenId !== null && one.tokens.has(tokenId));
    },

    size() {
      let count = everybodyBefore === never ? 0 : 1;
      for (const { before, tokens } of users.values()) count += tokens.size + (before === never ? 0 : 1);
      return count;
    },
  };
}
