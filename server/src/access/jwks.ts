/**
 * Tokens signed by somebody else's key: a JSON Web Key Set (RFC 7517) found at a URL or in a file.
 *
 * From a URL, keys are fetched at first use and kept for ten minutes; an unknown `kid` fetches again, at most once in 30
 * seconds, so that keys rotate without a restart and forged ones don't make us a load on the issuer.
 *
 * Verified tokens aren't remembered: 17-35 us of the event loop each (the rest, up to 140 us, is on other
 * threads), for 5,000 clients that come back at once a seventh of a second.
 */
import {
  type CompactVerifyGetKey,
  compactVerify,
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JSONWebKeySet,
} from "jose";
import { Failure } from "../errors.ts";
import type { KeySetAlgorithm } from "./algorithms.ts";
import type { VerifySignature } from "./tokens.ts";

/** Finds a token genuine or not, and no more: its claims are judged by the caller, with its clock. */
export function openJwks(
  url: URL,
  algorithms: readonly KeySetAlgorithm[],
  cooldownMs = 30_000,
): VerifySignature {
  return verifyWith(createRemoteJWKSet(url, { cooldownDuration: cooldownMs }), algorithms);
}

export interface JwksFile {
  readonly verify: VerifySignature;
  /** Takes the file's new text, from the next token on. False, and nothing changed, where it is no key set. */
  replace(text: string): boolean;
}

/** Null where the text is no key set. */
export function openJwksFile(text: string, algorithms: readonly KeySetAlgorithm[]): JwksFile | null {
  let verify = fromText(text, algorithms);
  if (verify === null) return null;
  return {
    verify: (token) => verify!(token),
    replace(newer) {
      const next = fromText(newer, algorithms);
      verify = next ?? verify;
      return next !== null;
    },
  };
}

function fromText(text: string, algorithms: readonly KeySetAlgorithm[]): VerifySignature | null {
  try {
    return verifyWith(createLocalJWKSet(JSON.parse(text) as JSONWebKeySet), algorithms);
  } catch {
    return null;
  }
}

function verifyWith(keys: CompactVerifyGetKey, algorithms: readonly KeySetAlgorithm[]): VerifySignature {
  return async (token) => {
    try {
      return (await compactVerify(token, keys, { algorithms: [...algorithms] })).payload;
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
