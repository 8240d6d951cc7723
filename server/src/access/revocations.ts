/**
 * Revoked tokens: kept in the store, held in memory by every process that looks at tokens. A process hears of a
 * revocation by the bus, at once, and reads all of them again every minute: what the bus loses is late by that.
 */
import { type BusDriver, type BusMessage, everywhere } from "../bus/driver.ts";
import type { Clock } from "../clock.ts";
import type { Service } from "../lifecycle.ts";
import type { AccessDriver, Revocation, RevocationBounds, RevocationPlace } from "../store/access.ts";
import type { Client } from "./principal.ts";
import { makeRevokedSet, type RevokedSet } from "./revoked-set.ts";
import { clockToleranceMs, longestTokenMs } from "./tokens.ts";

export interface WantedRevocation {
  /** Null: everybody. */
  readonly user: string | null;
  readonly tokenId: string | null;
  /** With no `tokenId`: tokens issued before it. */
  readonly issuedBefore: number | null;
}

/** `revoke`, `withdraw` and `of` reject as the access port does. */
export interface Revocations extends Service {
  isRevoked(client: Client): boolean;
  /** Durable when resolved, and in force here. Null: as many are kept as allowed. */
  revoke(wanted: WantedRevocation): Promise<Revocation | null>;
  /** False when there was none. Other processes go on refusing for up to a minute. */
  withdraw(place: RevocationPlace): Promise<boolean>;
  /** A user's, or those for everybody. */
  of(user: string | null): Promise<readonly Revocation[]>;
  /** What the bus says: a revocation, or that one may have been lost. */
  heard(message: Extract<BusMessage, { type: "revoked" }>): void;
  suspect(): void;
  count(): number;
}

export interface RevocationsDeps {
  readonly access: Pick<AccessDriver, "revoke" | "unrevoke" | "revocations" | "revocationsOf">;
  readonly bus: Pick<BusDriver, "publish" | "subscribe">;
  readonly clock: Clock;
  /** Tokens of this user, or of whomever, may be good no more: who holds what they opened looks again. */
  readonly changed: (user: string | null) => void;
  /** They couldn't be read again; the ones that are known hold. */
  readonly failed: (reason: unknown) => void;
}

export interface RevocationsOptions {
  readonly everyMs: number;
  readonly bounds: RevocationBounds;
}

export const revocationsDefaults: RevocationsOptions = {
  everyMs: 60_000,
  bounds: { perUser: 1_000, total: 100_000 },
};

const pageRows = 1_000;

export function openRevocations(
  { access, bus, clock, changed, failed }: RevocationsDeps,
  { everyMs, bounds }: RevocationsOptions = revocationsDefaults,
): Revocations {
  let revoked: RevokedSet = makeRevokedSet();
  /** What was said while all of them are being read: the pages may be older. */
  let since: ((into: RevokedSet) => void)[] | null = null;
  let cancel: (() => void) | null = null;
  let reading: Promise<void> | null = null;
  let isSubscribed = false;
  let isStopped = false;

  function put(revocation: Revocation): void {
    revoked.add(revocation);
    since?.push((into) => into.add(revocation));
    changed(revocation.user);
  }

  async function read(): Promise<void> {
    since = [];
    try {
      const next = makeRevokedSet();
      let place: RevocationPlace | null = null;
      do {
        const page: readonly Revocation[] = await access.revocations(place, pageRows);
        for (const revocation of page) next.add(revocation);
        place = page.length < pageRows ? null : page.at(-1)!;
      } while (place !== null);
      for (const say of since) say(next);
      revoked = next;
      changed(null);
    } finally {
      since = null;
    }
  }

  function readAgain(): void {
    reading ??= read()
      .catch(failed)
      .finally(() => {
        reading = null;
      });
  }

  function tick(): void {
    readAgain();
    cancel = clock.after(everyMs, tick);
  }

  return {
    name: "revocations",
    isRevoked: (client) => revoked.covers(client),

    async revoke({ user, tokenId, issuedBefore }) {
      const lastUntil = (issuedBefore ?? clock.now()) + longestTokenMs + 3 * clockToleranceMs;
      const until = Math.ceil(lastUntil);
      const kept = await access.revoke({ user, tokenId, issuedBefore, until }, bounds);
      if (kept === null) return null;
      put(kept);
      bus.publish([{ type: "revoked", stream: everywhere, revocation: kept }]);
      return kept;
    },

    async withdraw(place) {
      const withdrawn = await access.unrevoke(place);
      revoked.remove(place);
      since?.push((into) => into.remove(place));
      return withdrawn;
    },

    of: (user) => access.revocationsOf(user),
    heard: ({ revocation }) => put(revocation),
    suspect: () => isStopped || readAgain(),
    count: () => revoked.size(),

    /** Subscribed before it is read: what comes in between is heard. May be tried again when it rejected. */
    async start() {
      if (!isSubscribed) await bus.subscribe(everywhere);
      isSubscribed = true;
      await read();
      cancel = clock.after(everyMs, tick);
    },
    async stop() {
      isStopped = true;
      cancel?.();
      await reading;
    },
  };
}
