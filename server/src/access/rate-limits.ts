/**
 * How much each caller may ask for: requests, and notifications, of each API key and of each user. Counted by this
 * process alone, with its share of the whole: the limits divided by the number of processes that share the load.
 *
 * Answers carry the fields of draft-ietf-httpapi-ratelimit-headers-10, "RateLimit header fields for HTTP".
 */
import { type Problem, problem } from "@carillon/protocol/problems";
import type { Clock } from "../clock.ts";
import {
  type Bucket,
  capacityOf,
  fill,
  fullBucket,
  take,
  untilFull,
  untilOne,
  windowSeconds,
} from "./bucket.ts";
import type { Principal } from "./principal.ts";

export interface RateLimitsOptions {
  /** For all processes together. */
  readonly keyRequestsPerSecond: number;
  readonly keyNotificationsPerSecond: number;
  readonly userRequestsPerSecond: number;
  readonly userNotificationsPerSecond: number;
  /** How many processes share the load. */
  readonly replicas: number;
  /** How many callers are remembered; who was silent for longest is forgotten first. */
  readonly most: number;
}

export const rateLimitsDefaults: RateLimitsOptions = {
  keyRequestsPerSecond: 10_000,
  keyNotificationsPerSecond: 100_000,
  userRequestsPerSecond: 50,
  userNotificationsPerSecond: 10,
  replicas: 1,
  most: 100_000,
};

export const rateKinds = [
  "key-requests",
  "key-notifications",
  "user-requests",
  "user-notifications",
] as const;
export type RateKind = (typeof rateKinds)[number];

export interface RateLimits {
  /** Counts one request, or a frame that is as much work as one. Null: let it pass. */
  request(of: Principal): Problem | null;
  /** Counts notifications, one for each recipient. What is let through once may be more than there is: it is owed. */
  notifications(of: Principal, count: number): Problem | null;
  /** The fields that tell a caller where they stand. */
  fields(of: Principal): Readonly<Record<"ratelimit" | "ratelimit-policy", string>>;
}

interface Caller {
  readonly requests: Bucket;
  readonly notifications: Bucket;
}

interface Rates {
  readonly requests: { readonly perSecond: number; readonly kind: RateKind };
  readonly notifications: { readonly perSecond: number; readonly kind: RateKind };
}

const whole = (value: number): number => Math.max(0, Math.floor(value));
const seconds = (ms: number): number => Math.ceil(ms / 1_000);

const policyOf = ({ requests, notifications }: Rates): string =>
  `"requests";q=${whole(capacityOf(requests))};w=${windowSeconds}, ` +
  `"notifications";q=${whole(capacityOf(notifications))};qu="notifications";w=${windowSeconds}`;

export function makeRateLimits(
  options: RateLimitsOptions,
  clock: Pick<Clock, "now">,
  refused: (kind: RateKind) => void,
): RateLimits {
  const share = (perSecond: number): number => perSecond / options.replicas;
  const rates: { readonly [K in Principal["kind"]]: Rates } = {
    producer: {
      requests: { perSecond: share(options.keyRequestsPerSecond), kind: "key-requests" },
      notifications: { perSecond: share(options.keyNotificationsPerSecond), kind: "key-notifications" },
    },
    client: {
      requests: { perSecond: share(options.userRequestsPerSecond), kind: "user-requests" },
      notifications: { perSecond: share(options.userNotificationsPerSecond), kind: "user-notifications" },
    },
  };
  const policies = { producer: policyOf(rates.producer), client: policyOf(rates.client) };
  /** The longest silent first. */
  const callers = new Map<string, Caller>();

  function callerOf(principal: Principal): Caller {
    const name = principal.kind === "client" ? `user:${principal.user}` : `key:${principal.key.name}`;
    const known = callers.get(name);
    if (known !== undefined) {
      callers.delete(name);
      callers.set(name, known);
      return known;
    }
    if (callers.size >= options.most) callers.delete(callers.keys().next().value!);
    const { requests, notifications } = rates[principal.kind];
    const now = clock.now();
    const caller = { requests: fullBucket(requests, now), notifications: fullBucket(notifications, now) };
    callers.set(name, caller);
    return caller;
  }

  function count(principal: Principal, what: keyof Caller, many: number): Problem | null {
    const rate = rates[principal.kind][what];
    const bucket = callerOf(principal)[what];
    if (take(bucket, rate, many, clock.now())) return null;
    refused(rate.kind);
    const retryMs = untilOne(bucket, rate);
    const detail = `more than ${rate.perSecond} ${what} a second`;
    return problem("rate-limited", detail, { retryMs, jitterMs: Math.min(retryMs, 10_000) });
  }

  return {
    request: (of) => count(of, "requests", 1),
    notifications: (of, many) => count(of, "notifications", many),
    fields(of) {
      const caller = callerOf(of);
      const now = clock.now();
      const said = (name: keyof Caller): string => {
        const rate = rates[of.kind][name];
        fill(caller[name], rate, now);
        return `"${name}";r=${whole(caller[name].level)};t=${seconds(untilFull(caller[name], rate))}`;
      };
      return {
        ratelimit: `${said("requests")}, ${said("notifications")}`,
        "ratelimit-policy": policies[of.kind],
      };
    },
  };
}
