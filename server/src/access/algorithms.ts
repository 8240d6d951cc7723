/** What a key set's tokens may be signed with. No HMAC: a public key is no secret. */
export const keySetAlgorithms = [
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
] as const;

export type KeySetAlgorithm = (typeof keySetAlgorithms)[number];
