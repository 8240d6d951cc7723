/**
 * API keys: `ck_` and 43 base64url characters of 256 random bits. The secret is shown once, when it is made; the
 * store keeps its sha256, and a lookup goes by that hash, so that timing says nothing about stored secrets.
 */
import { hash, randomBytes } from "node:crypto";
import type { Scope } from "@carillon/protocol/scopes";
import type { Clock } from "../clock.ts";
import { Failure } from "../errors.ts";
import type { AccessDriver, ApiKey } from "../store/access.ts";

const format = /^ck_[A-Za-z0-9_-]{43}$/;

export const isKeySecret = (text: string): boolean => format.test(text);

export interface NewKey {
  readonly name: string;
  readonly scopes: readonly Scope[];
  readonly sources: readonly string[];
  /** In milliseconds since the epoch; null for a key that never expires. */
  readonly expiresAt: number | null;
}

/** Makes a key. The secret exists only in what this returns; `record` is what to store. */
export function createKey(key: NewKey, now: number): { readonly secret: string; readonly record: ApiKey } {
  const secret = `ck_${randomBytes(32).toString("base64url")}`;
  const expiresAt = key.expiresAt === null ? null : Math.floor(key.expiresAt);
  const record = { ...key, expiresAt, hash: hash("sha256", secret, "hex"), createdAt: Math.floor(now) };
  return { secret, record };
}

export interface Keys {
  /**
   * The key of this secret; null when there is none, or it has expired. A key that was removed elsewhere is
   * still found for up to `ttlMs`. While the store is away one that was known is good for up to `awayMs` after it was
   * last read, so that a log can take what the store can't. Rejects as the access port does, and with `Failure("overloaded")` when more lookups are
   * under way than the bound: a stranger's guesses must not take the store from everybody else.
   */
  find(secret: string): Promise<ApiKey | null> | ApiKey | null;
  /** After it was removed from the store: whoever asks from now on doesn't find the key of this name. */
  forget(name: string): void;
}

export interface KeysOptions {
  readonly ttlMs: number;
  readonly awayMs: number;
  /** How many keys are kept in memory. */
  readonly most: number;
  readonly mostLookups: number;
}

const defaults: KeysOptions = { ttlMs: 10_000, awayMs: 600_000, most: 1_000, mostLookups: 64 };

const askAgainMs = 1_000;

const isAway = (error: unknown): boolean =>
  error instanceof Failure && (error.code === "unavailable" || error.code === "overloaded");

export function openKeys(
  access: Pick<AccessDriver, "findKey">,
  clock: Pick<Clock, "now">,
  options: KeysOptions = defaults,
): Keys {
  const known = new Map<string, { readonly key: ApiKey; readonly readAt: number; readonly until: number }>();
  let guesses = 0;

  const unexpired = (key: ApiKey): ApiKey | null =>
    key.expiresAt !== null && key.expiresAt <= clock.now() ? null : key;

  const underWay = new Map<string, Promise<ApiKey | null>>();
  let forgotten = 0;

  function look(hashed: string): Promise<ApiKey | null> {
    const same = underWay.get(hashed);
    if (same !== undefined) return same;
    // One that was known is no guess.
    const isGuess = !known.has(hashed);
    if (isGuess && guesses >= options.mostLookups) {
      const message = "too many unknown API keys at once";
      return Promise.reject(new Failure("overloaded", message, { retryAfterMs: 1_000 }));
    }
    const looking = ask(hashed, isGuess).finally(() => {
      if (underWay.get(hashed) === looking) underWay.delete(hashed);
    });
    underWay.set(hashed, looking);
    return looking;
  }

  async function ask(hashed: string, isGuess: boolean): Promise<ApiKey | null> {
    if (isGuess) guesses++;
    const before = forgotten;
    try {
      const key = await access.findKey(hashed);
      // What was read before a removal isn't remembered beyond it.
      if (forgotten !== before) return key === null ? null : unexpired(key);
      known.delete(hashed);
      if (key === null) return null;
      if (known.size >= options.most) known.delete(known.keys().next().value!);
      known.set(hashed, { key, readAt: clock.now(), until: clock.now() + options.ttlMs });
      return unexpired(key);
    } catch (error) {
      const entry = known.get(hashed);
      if (entry === undefined || !isAway(error) || clock.now() - entry.readAt >= options.awayMs) throw error;
      known.set(hashed, { ...entry, until: clock.now() + askAgainMs });
      return unexpired(entry.key);
    } finally {
      if (isGuess) guesses--;
    }
  }

  return {
    find(secret) {
      if (!isKeySecret(secret)) return null;
      const hashed = hash("sha256", secret, "hex");
      const entry = known.get(hashed);
      return entry !== undefined && entry.until > clock.now() ? unexpired(entry.key) : look(hashed);
    },
    forget(name) {
      forgotten++;
      underWay.clear();
      for (const [hashed, { key }] of known) if (key.name === name) known.delete(hashed);
    },
  };
}
