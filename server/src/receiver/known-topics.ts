/**
 * What topics let be published, remembered for a while, so that sending to one costs no read of the directory.
 *
 * Only topics that exist are remembered, never that one doesn't: one that another process has just made can be sent to
 * at once. One that another process has deleted may be believed in for `ttlMs`; a record for it comes back from the
 * log as `closed`. One that another process has made inactive, or whose `keepMs` it has changed, may be taken for what
 * it was for as long.
 */
import type { Clock } from "../clock.ts";
import type { DirectoryDriver, Topic } from "../store/directory.ts";

/** What accepting has to know of a topic. */
export type Terms = Pick<Topic, "active" | "keepMs">;

export interface KnownTopics {
  /** Of each of `topics`: its terms, null where it doesn't exist. Rejects as the directory port does. */
  terms(topics: ReadonlySet<string>): Promise<ReadonlyMap<string, Terms | null>>;
  /** What was changed here is asked for the next time, by calls under way too. */
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
  const known = new Map<string, Terms & { readonly until: number }>();
  /** What was asked before this rose may be out of date when it comes. */
  let changes = 0;

  function add(topic: string, { active, keepMs }: Terms): void {
    known.delete(topic);
    if (known.size >= options.most) known.delete(known.keys().next().value!);
    known.set(topic, { active, keepMs, until: clock.now() + options.ttlMs });
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
        const one = await directory.getTopic(topic);
        found.set(topic, one);
        if (one !== null && changes === before) add(topic, one);
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
