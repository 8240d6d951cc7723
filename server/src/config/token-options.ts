/** Options of users' tokens: whose are good, and for how long. */
import { keySetAlgorithms } from "../access/algorithms.ts";
import { choice, duration, list, optional, text } from "./kinds.ts";
import { option, path, word } from "./option.ts";

const tokens = "Tokens";
const url = text("an https: URL without a password in it", 2_048, isKeySetUrl);

export const tokenOptions = {
  tokenSecretFile: {
    ...option(
      tokens,
      optional(path),
      null,
      "A file with the secret (32 bytes at least) for HS256 tokens, where the application signs its own. Without it, signing.key in the data directory.",
    ),
    path: true,
  },
  tokenSecret: {
    ...option(
      tokens,
      optional(text("a secret of 32 to 1,024 characters", 1_024, (value) => value.length >= 32)),
      null,
      "The same, as text, for platforms that hand secrets over in the environment.",
    ),
    secret: true,
  },
  previousTokenSecretFile: {
    ...option(
      tokens,
      optional(path),
      null,
      "A second secret whose tokens are good too, and that signs none: the old one while a new one comes into use, or the new one before it does.",
    ),
    path: true,
  },
  previousTokenSecret: {
    ...option(
      tokens,
      optional(text("a secret of 32 to 1,024 characters", 1_024, (value) => value.length >= 32)),
      null,
      "The same, as text, for platforms that hand secrets over in the environment.",
    ),
    secret: true,
  },
  tokenKeySetUrl: option(
    tokens,
    optional(url),
    null,
    "A JSON Web Key Set, where tokens are signed by an identity provider (RS256, ES256, EdDSA and the like).",
  ),
  tokenKeySetFile: {
    ...option(
      tokens,
      optional(path),
      null,
      "The same, in a file. Read again when it changes, without a restart.",
    ),
    path: true,
  },
  tokenAlgorithms: option(
    tokens,
    list(choice(keySetAlgorithms), keySetAlgorithms.length),
    ["RS256", "ES256", "EdDSA"],
    "What tokens of the key set may be signed with; any other algorithm is refused, whatever the keys.",
  ),
  tokenLifetimeMs: option(
    tokens,
    duration("1m", "24h"),
    86_400_000,
    "The most that may lie between a token's `iat` and its `exp`. Revocations are kept for a day, so no token lives longer.",
  ),
  tokenIssuer: option(tokens, optional(word), null, "Tokens must carry this `iss`."),
  tokenAudience: option(tokens, optional(word), null, "Tokens must carry this `aud`."),
};

function isKeySetUrl(value: string): boolean {
  const parsed = URL.parse(value);
  if (parsed === null || parsed.username !== "" || parsed.password !== "") return false;
  const loopback = ["localhost", "127.0.0.1", "[::1]"].includes(parsed.hostname);
  return parsed.protocol === "https:" || (parsed.protocol === "http:" && loopback);
}
