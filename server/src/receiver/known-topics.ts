/**
 * What topics let be published, remembered for a while, so that sending to one costs no read of the directory.
 *
 * Only topics that exist are remembered, never that one doesn't: one that another process has just made can be sent to
 * at once. One that another process has deleted may be believed in for `ttlMs`; a record for it comes back from the
 * log as `closed`. One that another process has made inactive, or whose `keepMs` it has changed, may be taken for what
 * it was for as long. While the directory is away a topic that was known is taken for what it was up to `awayMs` after it
 * was last read: the log can take what the store can't.
 */
import type { Clock } from "../clock.ts";
import { Failure } from "../errors.ts";
import type { DirectoryDriver, Topic } from "../store/directory.ts";

/** What accepting has to know of a topic. */
export type Terms = Pick<Topic, "active" | "keepMs">;

export interface KnownTopics {
  /** Of each of `topics`: its terms, null where it doesn't exist. Rejects as the directory port does, where one isn't known. */
  terms(topics: ReadonlySet<string>): Promise<ReadonlyMap<string, Terms | null>>;
  /** What was changed here is asked for the next time, by calls under way too. */
  forget(topic: string): void;
}

export interface KnownTopicsOptions {
  readonly ttlMs: number;
  readonly awayMs: number;
  readonly most: number;
}

interface Known extends Terms {
  readonly readAt: number;
  readonly until: number;
}

const defaults: KnownTopicsOptions = { ttlMs: 5_000, awayMs: 600_000, most: 10_000 };
const askAgainMs = 1_000;
const lookupsAtOnce = 32;

const isAway = (failure: unknown): boolean =>
  failure instanceof Failure && (failure.code === "unavailable" || failure.code === "overloaded");

export function rememberTopics(
  directory: Pick<DirectoryDriver, "getTopic">,
  clock: Pick<Clock, "now">,
  options: KnownTopicsOptions = defaults,
): KnownTopics {
  const known = new Map<string, Known>();
  /** What was asked before this rose may be out of date when it comes. */
  let changes = 0;

  function add(topic: string, { active, keepMs }: Terms): void {
    known.delete(topic);
    if (known.size >= options.most) known.delete(known.keys().next().value!);
    const now = clock.now();
    known.set(topic, { active, keepMs, readAt: now, until: now + options.ttlMs });
  }

  /** What is thought of a topic that can't be asked for. */
  function believed(topic: string, failure: unknown): Terms {
    const one = known.get(topic);
    if (one === undefined || !isAway(failure) || clock.now() - one.readAt >= options.awayMs) throw failure;
    known.set(topic, { ...one, until: clock.now() + askAgainMs });
    return one;
  }

  return {
    async terms(topics) {
      const found = new Map<string, Terms | null>();
      const unknown: string[] = [];
      for (const topic of topics) {
        const one = known.get(topic);
        if (one !== undefined && one.until > clock.now()) found.set(topic, one);
        else unknown.push(topic);
      }
      const ask = async (topic: string): Promise<void> => {
        const before = changes;
        let one: Terms | null;
        try {
          one = await directory.getTopic(topic);
        } catch (failure) {
          found.set(topic, believed(topic, failure));
          return;
        }
        found.set(topic, one);
        if (changes !== before) return;
        if (one === null) known.delete(topic);
        else add(topic, one);
      };
      for (let at = 0; at < unknown.length; at += lookupsAtOnce) {
        await Promise.all(unknown.slice(at, at + lookupsAtOnce).map(ask));
      }
      return found;
    },
    forget(topic) {
      changes++;
      known.delete(topic);
    },
  };
}
