/**
 * Which topics exist, remembered for a while, so that sending to one costs no read of the directory.
 *
 * Only that a topic exists is remembered, never that it doesn't: one that another process has just made can be
 * sent to at once. One that another process has deleted may be believed in for `ttlMs`; a record for it comes
 * back from the log as `closed`, so nothing rests on this memory. While the directory is away a topic that was known is
 * believed in for up to `awayMs` after it was last read: the log can take what the store can't.
 */
import type { Clock } from "../clock.ts";
import { Failure } from "../errors.ts";
import type { DirectoryDriver } from "../store/directory.ts";

export interface KnownTopics {
  /** True where the topic is known to exist; false where it has to be asked for. */
  has(topic: string): boolean;
  /** Those of `topics` that don't exist. Rejects as the directory port does, where one was not known. */
  missing(topics: ReadonlySet<string>): Promise<ReadonlySet<string>>;
  add(topic: string): void;
  forget(topic: string): void;
}

export interface KnownTopicsOptions {
  readonly ttlMs: number;
  readonly awayMs: number;
  readonly most: number;
}

const defaults: KnownTopicsOptions = { ttlMs: 5_000, awayMs: 600_000, most: 10_000 };
const askAgainMs = 1_000;
const lookupsAtOnce = 32;

export function rememberTopics(
  directory: Pick<DirectoryDriver, "getTopic">,
  clock: Pick<Clock, "now">,
  options: KnownTopicsOptions = defaults,
): KnownTopics {
  const known = new Map<string, { readonly readAt: number; readonly until: number }>();

  function add(topic: string): void {
    known.delete(topic);
    if (known.size >= options.most) known.delete(known.keys().next().value!);
    known.set(topic, { readAt: clock.now(), until: clock.now() + options.ttlMs });
  }

  /** What is thought of a topic that can't be asked for. */
  function believe(topic: string, failure: unknown): void {
    const entry = known.get(topic);
    const isAway =
      failure instanceof Failure && (failure.code === "unavailable" || failure.code === "overloaded");
    if (entry === undefined || !isAway || clock.now() - entry.readAt >= options.awayMs) throw failure;
    known.set(topic, { ...entry, until: clock.now() + askAgainMs });
  }

  return {
    add,
    has: (topic) => (known.get(topic)?.until ?? 0) > clock.now(),
    forget: (topic) => void known.delete(topic),
    async missing(topics) {
      const absent = new Set<string>();
      const ask = async (topic: string): Promise<void> => {
        try {
          if ((await directory.getTopic(topic)) === null) absent.add(topic);
          else add(topic);
        } catch (error) {
          believe(topic, error);
        }
      };
      const all = [...topics];
      for (let at = 0; at < all.length; at += lookupsAtOnce) {
        await Promise.all(all.slice(at, at + lookupsAtOnce).map(ask));
      }
      return absent;
    },
  };
}
