/** Who may come in, and with which certificate they are met, as the configuration has it. */
import { type Access, openAccess } from "./access/open.ts";
import { rateLimitsDefaults } from "./access/rate-limits.ts";
import { type BusDriver, type BusListener, type BusMessage, everywhere } from "./bus/driver.ts";
import { type Certificate, makeCertificate } from "./certificate.ts";
import type { Clock } from "./clock.ts";
import type { Config } from "./config/options.ts";
import { Failure } from "./errors.ts";
import { readAll, watchFiles } from "./file-watch.ts";
import type { FirstKeys } from "./first-keys.ts";
import type { Service } from "./lifecycle.ts";
import type { Presence } from "./receiver/presence.ts";
import type { StoreBackend } from "./store/store.ts";
import type { Metrics } from "./telemetry/metrics.ts";

interface Surroundings {
  readonly config: Config;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly store: StoreBackend;
  readonly bus: BusDriver;
  readonly failing: (what: string) => (failure: unknown) => void;
}

/** What concerns everybody goes to those who look at callers, the rest to the hubs. */
export const listenerOf = (
  hubs: BusListener,
  access: Access | null,
  presence: () => Pick<Presence, "heard"> | null,
  erased: (user: string) => void,
): BusListener => ({
  message(message: BusMessage) {
    if (message.type === "revoked") access?.revocations.heard(message);
    else if (message.type === "erased") erased(message.user);
    else if (message.type === "asked" || message.type === "present") presence()?.heard(message);
    else hubs.message(message);
  },
  suspect(streams) {
    const all = [...streams];
    if (all.includes(everywhere)) access?.revocations.suspect();
    hubs.suspect(all);
  },
});

export const accessOf = (
  { config, clock, metrics, store, bus, failing }: Surroundings,
  { signingKeys }: FirstKeys,
  revoked: (user: string | null) => void,
): Promise<Access> => {
  const revocationsFailed = failing("the revocations were not read again; those known hold");
  const keySetFailed = failing("the key set for tokens was not read again; the one before holds");
  return openAccess(
    {
      signingKeys,
      issuer: config.tokenIssuer,
      audience: config.tokenAudience,
      lifetimeMs: config.tokenLifetimeMs,
      keySetUrl: config.tokenKeySetUrl,
      keySetFile: config.tokenKeySetFile,
      keySetAlgorithms: config.tokenAlgorithms,
      rates: {
        ...rateLimitsDefaults,
        keyRequestsPerSecond: config.keyRequestsPerSecond,
        keyNotificationsPerSecond: config.keyNotificationsPerSecond,
        userRequestsPerSecond: config.userRequestsPerSecond,
        userNotificationsPerSecond: config.userNotificationsPerSecond,
        replicas: config.replicas,
      },
    },
    {
      access: store.access,
      bus,
      clock,
      metrics,
      revoked,
      failed(what, reason) {
        if (what === "key set") return keySetFailed(reason);
        metrics.counter("carillon_revocations_failed_total").inc();
        revocationsFailed(reason);
      },
    },
  );
};

/** Null where clients are served over plain HTTP. */
export async function certificateOf({ tlsCertFile, tlsKeyFile }: Config): Promise<Certificate | null> {
  if (tlsCertFile === null || tlsKeyFile === null) return null;
  const texts = await readAll([tlsCertFile, tlsKeyFile]).catch((cause: unknown) => {
    throw new Failure("unusable", `${tlsCertFile} and ${tlsKeyFile} can't be read`, { cause });
  });
  const certificate = makeCertificate(texts[0]!, texts[1]!);
  if (certificate !== null) return certificate;
  throw new Failure("unusable", `${tlsCertFile} and ${tlsKeyFile} are no certificate and its key`);
}

/** It is served from the next connection on; those that are open stay. */
export function watchCertificate(
  { config, clock, failing }: Surroundings,
  { cert, key }: Certificate,
  replace: (next: Certificate) => void,
): Service {
  return watchFiles({
    name: "certificate",
    paths: [config.tlsCertFile!, config.tlsKeyFile!],
    texts: [cert, key],
    clock,
    changed([nextCert, nextKey]) {
      const next = makeCertificate(nextCert!, nextKey!);
      if (next !== null) replace(next);
      return next !== null;
    },
    failed: failing("the certificate was not read again; the one before is served"),
  });
}
