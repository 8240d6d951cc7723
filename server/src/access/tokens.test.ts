import { createHmac, generateKeyPairSync } from "node:crypto";
import fc from "fast-check";
import { SignJWT, UnsecuredJWT } from "jose";
import { describe, expect, test } from "vitest";
import { clockToleranceMs, longestTokenMs, openTokens, type TokensOptions } from "./tokens.ts";

const signingKey = Buffer.alloc(32, 7);
const now = Date.parse("2026-01-31T09:30:00Z");
const seconds = now / 1_000;

const usual: TokensOptions = {
  signingKeys: [signingKey],
  jwks: null,
  issuer: null,
  audience: null,
  lifetimeMs: longestTokenMs,
  isRevoked: () => false,
};

const open = (policy: Partial<TokensOptions> = {}, at = now) =>
  openTokens({ ...usual, ...policy }, { now: () => at });

const sign = (claims: object, header: object = {}, key: Uint8Array = signingKey) =>
  new SignJWT({ sub: "42", iat: seconds, exp: seconds + 60, ...claims })
    .setProtectedHeader({ alg: "HS256", ...header })
    .sign(key);

const codeOf = async (token: string, policy?: Partial<TokensOptions>, at?: number) => {
  const verdict = await open(policy, at).verify(token);
  return verdict.kind === "refused" ? verdict.code : verdict.user;
};

test("what another implementation signed is good here, with the user and the end", async () => {
  expect(open().verify(await sign({}))).toEqual({
    kind: "client",
    user: "42",
    expiresAt: now + 60_000 + clockToleranceMs,
    issuedAt: now,
    tokenId: null,
  });
});

test("the user is sub, else user_id", async () => {
  expect(await codeOf(await sign({ sub: undefined, user_id: "7" }))).toBe("7");
  expect(await codeOf(await sign({ user_id: "7" }))).toBe("42");
  for (const sub of [undefined, "", "a b", 42, "x".repeat(129)]) {
    expect(await codeOf(await sign({ sub }))).toBe("token-invalid");
  }
});

test("exp is required, at most 24 hours after iat, and tolerates five seconds", async () => {
  expect(await codeOf(await sign({ exp: undefined }))).toBe("token-invalid");
  expect(await codeOf(await sign({ exp: seconds + longestTokenMs / 1_000 }))).toBe("42");
  expect(await codeOf(await sign({ exp: seconds + longestTokenMs / 1_000 + 2 }))).toBe("token-invalid");
  expect(await codeOf(await sign({ iat: seconds - 60 }), { lifetimeMs: 120_000 })).toBe("42");
  expect(await codeOf(await sign({ iat: seconds - 62 }), { lifetimeMs: 120_000 })).toBe("token-invalid");
  expect(await codeOf(await sign({ exp: seconds - 4 }))).toBe("42");
  expect(await codeOf(await sign({ exp: seconds - 5 }))).toBe("token-expired");
});

test("iat is required and not in the future, and a jti is text of bounded length", async () => {
  expect(await codeOf(await sign({ iat: undefined }))).toBe("token-invalid");
  expect(await codeOf(await sign({ iat: seconds + 6 }))).toBe("token-invalid");
  expect(await codeOf(await sign({ iat: seconds + 4 }))).toBe("42");
  for (const jti of ["", "x".repeat(257), 7]) expect(await codeOf(await sign({ jti }))).toBe("token-invalid");
  expect(await open().verify(await sign({ jti: "x".repeat(256) }))).toMatchObject({
    tokenId: "x".repeat(256),
  });
});

test("a revoked token is told so, and a forged one is not", async () => {
  const isRevoked = ({ tokenId }: { tokenId: string | null }) => tokenId === "gone";
  expect(await codeOf(await sign({ jti: "gone" }), { isRevoked })).toBe("token-revoked");
  expect(await codeOf(await sign({ jti: "here" }), { isRevoked })).toBe("42");
  expect(await codeOf(await sign({ jti: "gone" }, {}, Buffer.alloc(32, 8)), { isRevoked })).toBe(
    "token-invalid",
  );
});

test("with two signing keys both verify and the first signs", async () => {
  const newer = Buffer.alloc(32, 9);
  const both = { signingKeys: [newer, signingKey] };
  expect(await codeOf(await sign({}), both)).toBe("42");
  expect(await codeOf(await sign({}, {}, newer), both)).toBe("42");
  expect(await codeOf(await sign({}, {}, Buffer.alloc(32, 8)), both)).toBe("token-invalid");
  const { token } = open(both).issue("42", 60_000);
  expect(await codeOf(token, { signingKeys: [newer] })).toBe("42");
  expect(await codeOf(token)).toBe("token-invalid");
});

test("nbf, issuer and audience hold where they are asked for", async () => {
  expect(await codeOf(await sign({ nbf: seconds + 4 }))).toBe("42");
  expect(await codeOf(await sign({ nbf: seconds + 6 }))).toBe("token-invalid");
  expect(await codeOf(await sign({ iss: "a" }), { issuer: "a" })).toBe("42");
  expect(await codeOf(await sign({ iss: "b" }), { issuer: "a" })).toBe("token-invalid");
  expect(await codeOf(await sign({}), { issuer: "a" })).toBe("token-invalid");
  expect(await codeOf(await sign({ aud: ["x", "y"] }), { audience: "y" })).toBe("42");
  expect(await codeOf(await sign({ aud: "x" }), { audience: "y" })).toBe("token-invalid");
  expect(await codeOf(await sign({}), { audience: "y" })).toBe("token-invalid");
});

describe("forgeries", () => {
  test("alg none, another algorithm, another key, a critical header", async () => {
    expect(await codeOf(new UnsecuredJWT({ sub: "42", exp: seconds + 60 }).encode())).toBe("token-invalid");
    const long = Buffer.alloc(64, 7);
    expect(await codeOf(await sign({}, { alg: "HS512" }, long))).toBe("token-invalid");
    expect(await codeOf(await sign({}, {}, Buffer.alloc(32, 8)))).toBe("token-invalid");
    const header = Buffer.from('{"alg":"HS256","crit":["b64"],"b64":false}').toString("base64url");
    const signed = `${header}.${Buffer.from(`{"sub":"42","exp":${seconds + 60}}`).toString("base64url")}`;
    const mac = createHmac("sha256", signingKey).update(signed).digest("base64url");
    expect(await codeOf(`${signed}.${mac}`)).toBe("token-invalid");
  });

  test("a public key used as an HMAC secret", async () => {
    const { publicKey } = generateKeyPairSync("rsa", { modulusLength: 2_048 });
    const pem = Buffer.from(publicKey.export({ type: "spki", format: "pem" }));
    expect(await codeOf(await sign({}, {}, pem))).toBe("token-invalid");
  });

  test("no change to a token goes unnoticed, and nothing throws", async () => {
    const token = await sign({});
    const verifier = open();
    fc.assert(
      fc.property(fc.nat(token.length - 1), fc.string({ minLength: 1, maxLength: 3 }), (at, put) => {
        const forged = token.slice(0, at) + put + token.slice(at + put.length);
        const verdict = verifier.verify(forged);
        const sameBytes = (part: number) =>
          Buffer.from(forged.split(".")[part] ?? "", "base64url").equals(
            Buffer.from(token.split(".")[part] ?? "", "base64url"),
          );
        // base64url has several spellings of the same signature; its bytes are what counts.
        const same =
          forged.split(".").slice(0, 2).join() === token.split(".").slice(0, 2).join() && sameBytes(2);
        expect(verdict).toMatchObject({ kind: same ? "client" : "refused" });
      }),
    );
    fc.assert(
      fc.property(fc.string({ maxLength: 100 }), (text) => {
        expect(verifier.verify(text)).toMatchObject({ kind: "refused" });
      }),
    );
  });

  test("a token of any length is refused in bounded time", async () => {
    expect(await codeOf(`${"x".repeat(10_000)}.y.z`)).toBe("token-invalid");
  });
});

test("what is issued here is good here and elsewhere, for as long as asked and 24 hours at most", async () => {
  const policy = { issuer: "carillon", audience: "app" };
  const { token, expiresAt } = open(policy).issue("42", 3_600_000);
  expect(expiresAt).toBe(now + 3_600_000);
  expect(await codeOf(token, policy)).toBe("42");
  expect(await codeOf(token, policy, expiresAt + clockToleranceMs)).toBe("token-expired");
  expect(open().issue("42", Number.POSITIVE_INFINITY).expiresAt).toBe(now + longestTokenMs);
});

test("a short signing key is refused", () => {
  const short = { ...usual, signingKeys: [signingKey, Buffer.alloc(31)] };
  expect(() => openTokens(short, { now: () => now })).toThrow(RangeError);
});
