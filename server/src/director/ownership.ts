/**
 * Which parts this director consumes. Leases spread them evenly and pass them on when a director dies; they only
 * save double work, since the store lets one writer of a part move on (invariant 12).
 *
 * Every second each director renews its own lease and those of its parts, counts the directors, gives up what
 * is beyond its share, and takes free parts up to it. A part is given up only once nothing of it is under way, so
 * its next owner isn't overtaken. A director that can't renew goes on: nobody else can take over either.
 */
import type { Clock } from "../clock.ts";
import type { CoordinationDriver } from "../store/coordination.ts";

export interface PartsInHand {
  take(part: number): Promise<void>;
  drop(part: number): Promise<void>;
}

export interface Ownership {
  /** Resolves when the first round is through, whatever came of it. */
  start(hands: PartsInHand): Promise<void>;
  /** Drops what it holds and lets others have it. */
  stop(): Promise<void>;
  held(): readonly number[];
}

/** For a log of this process alone: all of its parts, always. */
export function ownAll(parts: number): Ownership {
  const all = Array.from({ length: parts }, (_, part) => part);
  return {
    async start({ take }) {
      for (const part of all) await take(part);
    },
    stop: async () => {},
    held: () => all,
  };
}

export interface OwnByLeaseOptions {
  readonly coordination: Pick<CoordinationDriver, "claim" | "release" | "leases">;
  readonly parts: number;
  /** Unique to this run of the process. */
  readonly owner: string;
  readonly clock: Pick<Clock, "after">;
  failed(failure: unknown): void;
}

/** A death is noticed within `ttlMs` + `renewMs`. */
const ttlMs = 10_000;
const renewMs = 1_000;
const memberPrefix = "director:";
const partPrefix = "part:";

/** The parts of one director of several: the rest of the division goes to the first of them. Pure. */
export const shareOf = (parts: number, members: readonly string[], owner: string): number => {
  const at = members.indexOf(owner);
  if (at < 0) return 0;
  return Math.floor(parts / members.length) + (at < parts % members.length ? 1 : 0);
};

/** What a round took is under way when it ends: leases have to be renewed, whatever a part waits for. */
interface Taking {
  readonly taking: Promise<unknown>;
}

const nothingTaken: Taking = { taking: Promise.resolve() };

export function ownByLease({ coordination, parts, owner, clock, failed }: OwnByLeaseOptions): Ownership {
  const member = memberPrefix + owner;
  const held = new Set<number>();
  let hands: PartsInHand | undefined;
  let cancel = (): void => {};
  let round: Promise<unknown> = Promise.resolve();
  let stopped = false;

  const nameOf = (part: number): string => partPrefix + part;
  const partOfName = (name: string): number => Number(name.slice(partPrefix.length));

  const giveUp = async (some: readonly number[]): Promise<void> => {
    await Promise.all(some.map((part) => hands?.drop(part)));
    for (const part of some) held.delete(part);
  };

  const claim = async (some: readonly number[]): Promise<ReadonlySet<number>> => {
    const names = await coordination.claim(owner, [member, ...some.map(nameOf)], ttlMs);
    return new Set(names.filter((name) => name !== member).map(partOfName));
  };

  const runRound = async (): Promise<Taking> => {
    const kept = await claim([...held]);
    await giveUp([...held].filter((part) => !kept.has(part)));

    const members = (await coordination.leases(memberPrefix)).map((lease) => lease.owner).sort();
    const share = shareOf(parts, members, owner);
    if (held.size > share) {
      const surplus = [...held].slice(share);
      await giveUp(surplus);
      await coordination.release(owner, surplus.map(nameOf));
    }
    if (held.size < share) {
      const taken = new Set((await coordination.leases(partPrefix)).map(({ name }) => partOfName(name)));
      const free = Array.from({ length: parts }, (_, part) => part).filter((part) => !taken.has(part));
      const offset = Math.floor((free.length * Math.max(0, members.indexOf(owner))) / members.length);
      const wanted = [...free.slice(offset), ...free.slice(0, offset)].slice(0, share - held.size);
      const got = [...(await claim(wanted))];
      for (const part of got) held.add(part);
      if (!stopped) return { taking: Promise.all(got.map((part) => hands!.take(part))) };
    }
    return nothingTaken;
  };

  const next = async (): Promise<Taking> => {
    const { taking } = await runRound().catch((error: unknown) => {
      failed(error);
      return nothingTaken;
    });
    if (!stopped) {
      cancel = clock.after(renewMs, () => {
        round = next();
      });
    }
    return { taking };
  };

  return {
    async start(given) {
      hands = given;
      const first = next();
      round = first;
      await (await first).taking;
    },
    async stop() {
      stopped = true;
      cancel();
      await round;
      const names = [member, ...[...held].map(nameOf)];
      await giveUp([...held]);
      await coordination.release(owner, names).catch(failed);
    },
    held: () => [...held].sort((a, b) => a - b),
  };
}
