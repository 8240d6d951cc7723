/** A token bucket (as in RFC 2697, of one rate): what may be done at once is two seconds' worth. Pure but for its level. */
export interface Bucket {
  level: number;
  at: number;
}

export interface Rate {
  readonly perSecond: number;
}

/** Seconds that fill an empty bucket. */
export const windowSeconds = 2;

/** At least one, or nothing would ever be let through. */
export const capacityOf = ({ perSecond }: Rate): number => Math.max(1, perSecond * windowSeconds);

export const fullBucket = (rate: Rate, now: number): Bucket => ({ level: capacityOf(rate), at: now });

/** Adds what time has brought. */
export function fill(bucket: Bucket, rate: Rate, now: number): void {
  const gained = (Math.max(0, now - bucket.at) * rate.perSecond) / 1_000;
  bucket.level = Math.min(capacityOf(rate), bucket.level + gained);
  bucket.at = now;
}

/**
 * Takes `count`; false, and nothing taken, when not even one is there. A batch that wants more than there is takes it
 * all the same and owes the rest: it is never too large to pass, and who sent it waits the longer.
 */
export function take(bucket: Bucket, rate: Rate, count: number, now: number): boolean {
  fill(bucket, rate, now);
  if (bucket.level < Math.min(1, count)) return false;
  bucket.level -= count;
  return true;
}

/** In milliseconds; 0 when something is there. */
export const untilOne = ({ level }: Bucket, { perSecond }: Rate): number =>
  Math.ceil((Math.max(0, 1 - level) / perSecond) * 1_000);

/** In milliseconds. */
export const untilFull = ({ level }: Bucket, rate: Rate): number =>
  Math.ceil(((capacityOf(rate) - level) / rate.perSecond) * 1_000);
