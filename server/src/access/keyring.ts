/** Making, listing and withdrawing API keys. */
import type { Clock } from "../clock.ts";
import type { AccessDriver, ApiKey } from "../store/access.ts";
import { createKey, type Keys, type NewKey } from "./keys.ts";

/** `ttlMs` is null for a key that never expires. */
export type WantedKey = Omit<NewKey, "expiresAt"> & { readonly ttlMs: number | null };

export interface CreatedKey {
  /** Exists here only. */
  readonly secret: string;
  readonly record: ApiKey;
}

/** Rejects as the access port does. */
export interface Keyring {
  /** Durable when resolved. An expired key counts, and holds its name, until it is removed. */
  create(key: WantedKey): Promise<CreatedKey | "key-taken" | "keys-too-many">;
  /** By name. */
  list(): Promise<readonly ApiKey[]>;
  /**
   * False when there was none. Requests to this process that begin afterwards don't find the key; other
   * processes forget it as `Keys` says.
   */
  remove(name: string): Promise<boolean>;
}

export interface KeyringOptions {
  readonly most: number;
}

export const keyringDefaults: KeyringOptions = { most: 1_000 };

export function openKeyring(
  access: Pick<AccessDriver, "addKey" | "listKeys" | "removeKey">,
  keys: Pick<Keys, "forget">,
  clock: Pick<Clock, "now">,
  { most }: KeyringOptions = keyringDefaults,
): Keyring {
  // One after the other, so that two don't both become the last one allowed.
  let adding: Promise<unknown> = Promise.resolve();

  async function add({ ttlMs, ...wanted }: WantedKey): ReturnType<Keyring["create"]> {
    const all = await access.listKeys();
    if (all.some(({ name }) => name === wanted.name)) return "key-taken";
    if (all.length >= most) return "keys-too-many";
    const now = clock.now();
    const created = createKey({ ...wanted, expiresAt: ttlMs === null ? null : now + ttlMs }, now);
    return (await access.addKey(created.record)) ? created : "key-taken";
  }

  return {
    create(wanted) {
      const added = adding.then(() => add(wanted));
      adding = added.catch(() => {});
      return added;
    },
    list: () => access.listKeys(),
    async remove(name) {
      try {
        return await access.removeKey(name);
      } finally {
        keys.forget(name);
      }
    },
  };
}
