/**
 * Tokens signed by somebody else's key: a JSON Web Key Set (RFC 7517) found at a URL.
 *
 * Keys are fetched at first use and kept for ten minutes; an unknown `kid` fetches again, at most once in 30
 * seconds, so that keys rotate without a restart and forged ones don't make us a load on the issuer.
 *
 * Verified tokens aren't remembered: 17-35 us of the event loop each (the rest, up to 140 us, is on other
 * threads), for 5,000 clients that come back at once a seventh of a second.
 */
import { compactVerify, createRemoteJWKSet, errors } from "jose";
import { Failure } from "../errors.ts";
import type { VerifySignature } from "./tokens.ts";

const algorithms = [
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

/** Finds a token genuine or not, and no more: its claims are judged by the caller, with its clock. */
export function openJwks(url: URL, cooldownMs = 30_000): VerifySignature {
  const keys = createRemoteJWKSet(url, { cooldownDuration: cooldownMs });
  return async (token) => {
    try {
      return (await compactVerify(token, keys, { algorithms })).payload;
    } catch (error) {
      if (isVerdict(error)) return null;
      throw unavailable(error);
    }
  };
}

const unavailable = (cause: unknown) =>
  new Failure("unavailable", "the key set for tokens can't be had", { cause, retryAfterMs: 5_000 });

/** True for what is wrong with the token; false where the key set is (away, malformed, timed out). */
function isVerdict(cause: unknown): boolean {
  return (
    cause instanceof errors.JOSEError &&
    !(cause instanceof errors.JWKSTimeout) &&
    !(cause instanceof errors.JWKSInvalid) &&
    cause.code !== errors.JOSEError.code
  );
}
