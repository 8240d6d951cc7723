/** A certificate chain and its private key, as PEM. */
import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
  /** In milliseconds since the epoch. */
  readonly validUntil: number;
}

/** Null where they can't be used, or don't belong together. */
export function makeCertificate(cert: string, key: string): Certificate | null {
  try {
    createSecureContext({ cert, key });
    return { cert, key, validUntil: Date.parse(new X509Certificate(cert).validTo) };
  } catch {
    return null;
  }
}
