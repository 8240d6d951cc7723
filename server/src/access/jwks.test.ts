import { createHmac } from "node:crypto";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keySetAlgorithms } from "./algorithms.ts";
import { openJwks, openJwksFile } from "./jwks.ts";
import { openTokens } from "./tokens.ts";

/** An identity provider: its key set is what `published` holds. */
let provider: Server;
let url: URL;
let published: JWK[] | null = [];
let fetched = 0;

beforeAll(async () => {
  provider = createServer((_, response) => {
    fetched++;
    response.writeHead(published === null ? 500 : 200, { "content-type": "application/json" });
    response.end(JSON.stringify({ keys: published ?? [] }));
  });
  await new Promise<void>((resolve) => provider.listen(0, "127.0.0.1", resolve));
  url = new URL(`http://127.0.0.1:${(provider.address() as AddressInfo).port}/jwks.json`);
});
afterAll(() => void provider.close());

async function makeKey(alg: string, kid: string) {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true });
  const jwk = { ...(await exportJWK(publicKey)), kid, alg };
  const sign = (claims: object = {}) =>
    new SignJWT({ sub: "42", ...claims })
      .setProtectedHeader({ alg, kid })
      .setIssuedAt()
      .setExpirationTime("1h")
      .sign(privateKey);
  return { jwk, sign };
}

const open = (cooldownMs = 30_000) =>
  openTokens({ ...usual, jwks: openJwks(url, keySetAlgorithms, cooldownMs) }, { now: Date.now });

const usual = {
  signingKeys: [Buffer.alloc(32, 7)],
  issuer: null,
  audience: null,
  lifetimeMs: 86_400_000,
  isRevoked: () => false,
};

test.each(["RS256", "PS256", "ES256", "EdDSA"])("a token signed with %s is good", async (alg) => {
  const { jwk, sign } = await makeKey(alg, "one");
  published = [jwk];
  expect(await open().verify(await sign())).toMatchObject({ kind: "client", user: "42" });
});

test("a key that was rotated in is found; forged ids fetch no more than the cooldown allows", async () => {
  const first = await makeKey("ES256", "first");
  const second = await makeKey("ES256", "second");
  published = [first.jwk];
  const eager = open(0);
  expect(await eager.verify(await first.sign())).toMatchObject({ kind: "client" });
  published = [second.jwk];
  expect(await eager.verify(await second.sign())).toMatchObject({ kind: "client" });

  const patient = open();
  await patient.verify(await second.sign());
  const before = fetched;
  for (let i = 0; i < 5; i++) {
    const forged = await makeKey("ES256", `forged-${i}`);
    expect(await patient.verify(await forged.sign())).toMatchObject({
      kind: "refused",
      code: "token-invalid",
    });
  }
  expect(fetched).toBe(before);
});

test("the claims are judged as everybody's", async () => {
  const { jwk, sign } = await makeKey("ES256", "claims");
  published = [jwk];
  const tokens = open();
  expect(await tokens.verify(await sign({ sub: "not a user" }))).toMatchObject({ code: "token-invalid" });
  const past = await sign({ nbf: Math.floor(Date.now() / 1_000) + 60 });
  expect(await tokens.verify(past)).toMatchObject({ code: "token-invalid" });
});

test("the public key is no HMAC secret", async () => {
  const { jwk } = await makeKey("RS256", "confused");
  published = [jwk];
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const signed = `${part({ alg: "HS256", kid: "confused" })}.${part({ sub: "42", exp: Date.now() / 1_000 + 60 })}`;
  const mac = createHmac("sha256", JSON.stringify(jwk)).update(signed).digest("base64url");
  expect(await open().verify(`${signed}.${mac}`)).toMatchObject({ code: "token-invalid" });
});

test("a key set that can't be had is no verdict on the token", async () => {
  const { sign } = await makeKey("ES256", "away");
  published = null;
  await expect(open().verify(await sign())).rejects.toMatchObject({ code: "unavailable" });
});

test("an algorithm that isn't among those pinned is refused, the key being known", async () => {
  const { jwk, sign } = await makeKey("RS512", "other");
  const tokens = (pinned: Parameters<typeof openJwksFile>[1]) =>
    openTokens(
      { ...usual, jwks: openJwksFile(JSON.stringify({ keys: [jwk] }), pinned)!.verify },
      { now: Date.now },
    );
  expect(await tokens(["RS256", "ES256", "EdDSA"]).verify(await sign())).toMatchObject({
    code: "token-invalid",
  });
  expect(await tokens(["RS512"]).verify(await sign())).toMatchObject({ kind: "client" });
});

test("a key set in a file is replaced whole, and what is none changes nothing", async () => {
  const first = await makeKey("ES256", "first");
  const second = await makeKey("EdDSA", "second");
  expect(openJwksFile("nothing", keySetAlgorithms)).toBeNull();
  const file = openJwksFile(JSON.stringify({ keys: [first.jwk] }), keySetAlgorithms)!;
  const tokens = openTokens({ ...usual, jwks: file.verify }, { now: Date.now });
  expect(await tokens.verify(await first.sign())).toMatchObject({ kind: "client" });
  expect(file.replace('{"keys":7}')).toBe(false);
  expect(await tokens.verify(await first.sign())).toMatchObject({ kind: "client" });
  expect(file.replace(JSON.stringify({ keys: [second.jwk] }))).toBe(true);
  expect(await tokens.verify(await first.sign())).toMatchObject({ code: "token-invalid" });
  expect(await tokens.verify(await second.sign())).toMatchObject({ kind: "client" });
});
