/**
 * Which topics exist, remembered for a while, so that sending to one costs no read of the directory.
 *
 * Only that a topic exists is remembered, never that it doesn't: one that another process has just made can be
 * sent to at once. One that another process has deleted may be believed in for `ttlMs`; a record for it comes
 * back from the log as `closed`, so nothing rests on this memory.
 */
import type { Clock } from "../clock.ts";
import type { DirectoryDriver } from "../store/directory.ts";

export interface KnownTopics {
  /** True where the topic is known to exist; false where it has to be asked for. */
  has(topic: string): boolean;
  /** Those of `topics` that don't exist. Rejects as the directory port does. */
  missing(topics: ReadonlySet<string>): Promise<ReadonlySet<string>>;
  add(topic: string): void;
  forget(topic: string): void;
}

export interface KnownTopicsOptions {
  readonly ttlMs: number;
  readonly most: number;
}

const defaults: KnownTopicsOptions = { ttlMs: 5_000, most: 10_000 };
const lookupsAtOnce = 32;

export function rememberTopics(
  directory: Pick<DirectoryDriver, "getTopic">,
  clock: Pick<Clock, "now">,
  options: KnownTopicsOptions = defaults,
): KnownTopics {
  const until = new Map<string, number>();

  function add(topic: string): void {
    until.delete(topic);
    if (until.size >= options.most) until.delete(until.keys().next().value!);
    until.set(topic, clock.now() + options.ttlMs);
  }

  return {
    add,
    has: (topic) => (until.get(topic) ?? 0) > clock.now(),
    forget: (topic) => void until.delete(topic),
    async missing(topics) {
      const absent = new Set<string>();
      const ask = async (topic: string): Promise<void> => {
        if ((await directory.getTopic(topic)) === null) absent.add(topic);
        else add(topic);
      };
      const all = [...topics];
      for (let at = 0; at < all.length; at += lookupsAtOnce) {
        await Promise.all(all.slice(at, at + lookupsAtOnce).map(ask));
      }
      return absent;
    },
  };
}
