/** What a process looks at callers with: keys, tokens, tickets, what was revoked, and how much each may ask for. */
import type { BusDriver } from "../bus/driver.ts";
import type { Clock } from "../clock.ts";
import { Failure } from "../errors.ts";
import { readAll, watchFiles } from "../file-watch.ts";
import type { Service } from "../lifecycle.ts";
import type { AccessDriver } from "../store/access.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { KeySetAlgorithm } from "./algorithms.ts";
import { openJwks, openJwksFile } from "./jwks.ts";
import { type Keyring, openKeyring } from "./keyring.ts";
import { type Keys, openKeys } from "./keys.ts";
import { makeRateLimits, type RateLimits, type RateLimitsOptions } from "./rate-limits.ts";
import { openRevocations, type Revocations, type RevocationsOptions } from "./revocations.ts";
import { openTickets, type Tickets } from "./tickets.ts";
import { openTokens, type TokenPolicy, type Tokens, type VerifySignature } from "./tokens.ts";

export interface Access {
  readonly keys: Keys;
  readonly keyring: Keyring;
  readonly tokens: Tokens;
  readonly tickets: Tickets;
  readonly revocations: Revocations;
  readonly rates: RateLimits;
  /** To be started before callers are looked at. */
  readonly services: readonly Service[];
}

export interface AccessOptions extends TokenPolicy {
  readonly signingKeys: readonly Buffer[];
  readonly keySetUrl: string | null;
  readonly keySetFile: string | null;
  readonly keySetAlgorithms: readonly KeySetAlgorithm[];
  readonly rates: RateLimitsOptions;
  readonly revocations?: RevocationsOptions;
}

export interface AccessDeps {
  readonly access: AccessDriver;
  readonly bus: BusDriver;
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** Tokens of this user, or of whomever, may be good no more. */
  readonly revoked: (user: string | null) => void;
  readonly failed: (what: "revocations" | "key set", reason: unknown) => void;
}

/** Rejects with `Failure("unusable")` where the file with the key set can't be used. */
export async function openAccess(options: AccessOptions, deps: AccessDeps): Promise<Access> {
  const { access, bus, clock, metrics } = deps;
  const revocations = openRevocations(
    {
      access,
      bus,
      clock,
      changed: deps.revoked,
      failed: (reason) => deps.failed("revocations", reason),
    },
    options.revocations,
  );
  metrics.gauge("carillon_revocations", () => revocations.count());
  const keySet = await openKeySet(options, deps);
  const keys = openKeys(access, clock);
  const counted = (outcome: string) => metrics.counter("carillon_tickets_total", outcome).inc();
  return {
    keys,
    keyring: openKeyring(access, keys, clock),
    tokens: openTokens({ ...options, jwks: keySet.verify, isRevoked: revocations.isRevoked }, clock),
    tickets: openTickets(access, options, clock, counted),
    revocations,
    rates: makeRateLimits(options.rates, clock, (kind) =>
      metrics.counter("carillon_rate_limited_total", kind).inc(),
    ),
    services: [revocations, ...keySet.services],
  };
}

interface KeySet {
  readonly verify: VerifySignature | null;
  readonly services: readonly Service[];
}

async function openKeySet(options: AccessOptions, { clock, failed }: AccessDeps): Promise<KeySet> {
  const { keySetUrl, keySetFile, keySetAlgorithms } = options;
  if (keySetUrl !== null) return { verify: openJwks(new URL(keySetUrl), keySetAlgorithms), services: [] };
  if (keySetFile === null) return { verify: null, services: [] };
  const texts = await readAll([keySetFile]).catch((cause: unknown) => {
    throw new Failure("unusable", `${keySetFile} can't be read`, { cause });
  });
  const file = openJwksFile(texts[0]!, keySetAlgorithms);
  if (file === null) throw new Failure("unusable", `${keySetFile} is no JSON Web Key Set`);
  const watch = watchFiles({
    name: "key set",
    paths: [keySetFile],
    texts,
    clock,
    changed: ([text]) => file.replace(text!),
    failed: (reason) => failed("key set", reason),
  });
  return { verify: file.verify, services: [watch] };
}
