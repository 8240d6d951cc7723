/**
 * How many new sessions a second are let in. When many come at once, as after a network's failure, those beyond are
 * told to come back later, each at another time: as many as wait are spread over as long as it takes to let them in.
 */
import { type Bucket, fullBucket, take } from "../access/bucket.ts";
import type { Clock } from "../clock.ts";

export interface Arrivals {
  /** Null: come in. Else in how many milliseconds to come back. */
  admit(): number | null;
}

const leastMs = 1_000;
const longestMs = 60_000;

export function makeArrivals(
  perSecond: number,
  clock: Pick<Clock, "now">,
  random: () => number = Math.random,
): Arrivals {
  const rate = { perSecond };
  const bucket: Bucket = fullBucket(rate, clock.now());
  /** Those sent away who may not have come back yet. */
  let waiting = 0;
  let countedAt = clock.now();

  return {
    admit() {
      const now = clock.now();
      if (take(bucket, rate, 1, now)) return null;
      waiting = Math.max(0, waiting - ((now - countedAt) * perSecond) / 1_000) + 1;
      countedAt = now;
      const windowMs = Math.min(longestMs, Math.max(leastMs, (waiting / perSecond) * 1_000));
      return Math.round(leastMs + random() * windowMs);
    },
  };
}
