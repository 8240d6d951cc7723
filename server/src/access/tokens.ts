/**
 * Client tokens: JSON Web Tokens (RFC 7519) that say who the user is.
 *
 * Two kinds of signature are accepted, each with its own key, so that neither can pass for the other: HS256 with
 * one of the server's signing keys, and, where a JWKS is configured, asymmetric algorithms with the keys found there.
 * `alg: none` and critical headers (`crit`) are refused. `exp` is required, and so is `iat`: without it a token
 * couldn't be revoked by when it was issued. The user is `sub`, or `user_id` where there is no `sub`.
 *
 * HS256 goes through node:crypto: 5-8 us a token, against 110-190 us for jose one at a time and 20-75 us for
 * jose with all at once (WebCrypto hands each signature to a thread), with 5,000 clients coming back at once.
 */
import { createHmac, createSecretKey, type KeyObject, randomUUID, timingSafeEqual } from "node:crypto";
import { isName } from "@carillon/protocol/stream";
import type { Clock } from "../clock.ts";
import type { Client } from "./principal.ts";

export const clockToleranceMs = 5_000;
export const longestTokenMs = 24 * 60 * 60 * 1_000;
const longestToken = 8_192;
export const longestTokenId = 256;

/** Why a token is refused; `detail` is for the people who made it. */
export interface Refused {
  readonly kind: "refused";
  readonly code: "token-expired" | "token-invalid" | "token-revoked";
  readonly detail: string;
}

export interface TokenPolicy {
  /** Required in `iss` where given. */
  readonly issuer: string | null;
  /** Required in `aud`, alone or among others, where given. */
  readonly audience: string | null;
  /** The most between `iat` and `exp`, at most 24 hours. */
  readonly lifetimeMs: number;
}

/** Verifies a token with keys found elsewhere. Resolves with its payload, null when the token isn't genuine. */
export type VerifySignature = (token: string) => Promise<Uint8Array | null>;

export interface Tokens {
  /** Never throws for what a token contains; rejects with `Failure("unavailable")` when a JWKS can't be had. */
  verify(token: string): Client | Refused | Promise<Client | Refused>;
  /** A token for a user, signed with the server's first key; `ttlMs` from 1,000 to `lifetimeMs`. */
  issue(user: string, ttlMs: number): Issued;
  readonly lifetimeMs: number;
}

export interface Issued {
  readonly token: string;
  /** Its `jti`. */
  readonly id: string;
  readonly expiresAt: number;
}

export interface TokensOptions extends TokenPolicy {
  /** The first signs; tokens of all of them are good. Each has at least 32 bytes. */
  readonly signingKeys: readonly Buffer[];
  readonly jwks: VerifySignature | null;
  readonly isRevoked: (client: Client) => boolean;
}

const refuse = (code: Refused["code"], detail: string): Refused => ({ kind: "refused", code, detail });

function parseObject(bytes: Buffer): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString("utf8"));
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** What the claims of a genuine token are worth now. */
function judgeClaims(claims: Record<string, unknown>, policy: TokenPolicy, now: number): Client | Refused {
  const { exp, iat, nbf, iss, aud, jti } = claims;
  if (typeof exp !== "number" || !Number.isFinite(exp))
    return refuse("token-invalid", "the claim exp is required");
  const expiresAt = exp * 1_000 + clockToleranceMs;
  if (expiresAt <= now) return refuse("token-expired", "the token has expired");
  if (typeof iat !== "number" || !Number.isFinite(iat))
    return refuse("token-invalid", "the claim iat is required");
  const issuedAt = iat * 1_000;
  if (issuedAt > now + clockToleranceMs) {
    return refuse("token-invalid", "the token was issued in the future (iat)");
  }
  // By the second, as most issuers round: nothing that was meant to live as long as allowed is refused.
  if (exp * 1_000 - issuedAt > policy.lifetimeMs + 1_000) {
    return refuse("token-invalid", `the claim exp is more than ${policy.lifetimeMs / 1_000} s after iat`);
  }
  if (nbf !== undefined && (typeof nbf !== "number" || nbf * 1_000 > now + clockToleranceMs)) {
    return refuse("token-invalid", "the token is not valid yet (nbf)");
  }
  if (policy.issuer !== null && iss !== policy.issuer)
    return refuse("token-invalid", "the claim iss is another one");
  if (policy.audience !== null && !(Array.isArray(aud) ? aud : [aud]).includes(policy.audience)) {
    return refuse("token-invalid", "the claim aud is another one");
  }
  const user = claims["sub"] ?? claims["user_id"];
  if (typeof user !== "string" || !isName(user)) {
    return refuse("token-invalid", "the claim sub (or user_id) must be a user id");
  }
  if (jti !== undefined && (typeof jti !== "string" || jti === "" || jti.length > longestTokenId)) {
    return refuse("token-invalid", `the claim jti must be text of 1 to ${longestTokenId} characters`);
  }
  return { kind: "client", user, expiresAt, issuedAt, tokenId: jti ?? null };
}

export function openTokens(options: TokensOptions, clock: Pick<Clock, "now">): Tokens {
  if (options.signingKeys.some(({ length }) => length < 32))
    throw new RangeError("a signing key has at least 32 bytes");
  const keys = options.signingKeys.map((secret) => createSecretKey(secret));
  const header = Buffer.from('{"alg":"HS256","typ":"JWT"}').toString("base64url");
  const mac = (key: KeyObject, text: string) => createHmac("sha256", key).update(text).digest();

  function judge(payload: Buffer | null): Client | Refused {
    if (payload === null) return refuse("token-invalid", "the signature is not genuine");
    const claims = parseObject(payload);
    if (claims === null) return refuse("token-invalid", "the token is not a JWT");
    const client = judgeClaims(claims, options, clock.now());
    if (client.kind === "refused" || !options.isRevoked(client)) return client;
    return refuse("token-revoked", "the token was revoked");
  }

  function verifyOwn(token: string, payload: string, signature: string): Buffer | null {
    const given = Buffer.from(signature, "base64url");
    const signed = token.slice(0, token.length - signature.length - 1);
    const isOf = (key: KeyObject): boolean => {
      const genuine = mac(key, signed);
      return given.length === genuine.length && timingSafeEqual(given, genuine);
    };
    return keys.some(isOf) ? Buffer.from(payload, "base64url") : null;
  }

  return {
    verify(token) {
      if (token.length > longestToken) return refuse("token-invalid", "the token is too long");
      const parts = token.split(".");
      const [head, payload, signature] = parts;
      if (parts.length !== 3 || !head || !payload || !signature) {
        return refuse("token-invalid", "the token is not a JWT");
      }
      const described = head === header ? { alg: "HS256" } : parseObject(Buffer.from(head, "base64url"));
      if (described === null) return refuse("token-invalid", "the token is not a JWT");
      if ("crit" in described) return refuse("token-invalid", "critical headers are not supported");
      if (described["alg"] === "HS256") return judge(verifyOwn(token, payload, signature));
      return options.jwks === null
        ? refuse("token-invalid", "the algorithm is not accepted here")
        : options.jwks(token).then((bytes) => judge(bytes === null ? null : Buffer.from(bytes)));
    },

    lifetimeMs: options.lifetimeMs,

    issue(user, ttlMs) {
      // To the millisecond, so that what is issued behind a revocation is told from what was issued before it.
      const now = Math.floor(clock.now());
      const exp = Math.floor((now + Math.min(ttlMs, options.lifetimeMs)) / 1_000);
      const id = randomUUID();
      const claims = {
        sub: user,
        iat: now / 1_000,
        exp,
        jti: id,
        ...(options.issuer === null ? {} : { iss: options.issuer }),
        ...(options.audience === null ? {} : { aud: options.audience }),
      };
      const signed = `${header}.${Buffer.from(JSON.stringify(claims)).toString("base64url")}`;
      const token = `${signed}.${mac(keys[0]!, signed).toString("base64url")}`;
      return { token, id, expiresAt: exp * 1_000 };
    },
  };
}
