/**
 * The keys of a data directory: `signing.key` for users' tokens and `api.key` for the first producer, made when
 * the directory is new. There is no default secret, ever.
 *
 * The server reads `signing.key` at each start; of the API key it needs the hash, which is in the store. So a
 * missing `api.key` is as it should be (somebody moved it to where secrets are kept), while a missing
 * `signing.key` stops the start: a new one would sign everybody out, which is for a person to decide.
 * `replaceMissing` is that decision.
 */
import { hash, randomBytes } from "node:crypto";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { scopes } from "@carillon/protocol/scopes";
import { createKey, isKeySecret } from "./access/keys.ts";
import type { Clock } from "./clock.ts";
import type { AccessDriver } from "./store/access.ts";
import type { CoordinationDriver } from "./store/coordination.ts";

const firstKeyName = "first";
const signingFact = "signing key";
/** What a store keeps of the secret that tokens are signed with: whether another is the same, and no more. */
export const signingKeyFact = (secret: string): readonly [name: string, value: string] => [
  signingFact,
  hash("sha256", `carillon signing key ${secret}`, "hex"),
];
const leastSecretBytes = 32;

export interface FirstKeysOptions {
  readonly directory: string;
  readonly access: AccessDriver;
  /** Where several processes share the store: that they sign with the same secret is a fact kept in it. */
  readonly facts: Pick<CoordinationDriver, "agree" | "amend"> | null;
  readonly clock: Pick<Clock, "now">;
  readonly replaceMissing: boolean;
  /** Whether the first API key is this process's to make: a producer's is looked for where producers connect. */
  readonly makesApiKey: boolean;
  /** The secret for tokens, where it comes from elsewhere: no `signing.key` is made or read then. */
  readonly tokenSecret: string | null;
  readonly tokenSecretFile: string | null;
  /** A second secret whose tokens are good too. */
  readonly previousTokenSecret: string | null;
  readonly previousTokenSecretFile: string | null;
}

export interface FirstKeys {
  /** The first signs. */
  readonly signingKeys: readonly Buffer[];
  /** Null where the secret comes from elsewhere. */
  readonly signingKeyFile: string | null;
  /** Null where the file is gone; the key goes on working. */
  readonly apiKeyFile: string | null;
  /** Whether this start made them. */
  readonly made: boolean;
}

/** What is wrong with a key file and what to do about it, one or two sentences. */
export interface KeyProblem {
  readonly problem: string;
}

/** The first keys, made where they are due. Rejects as the access port and the file system do. */
export async function openFirstKeys(options: FirstKeysOptions): Promise<FirstKeys | KeyProblem> {
  const { directory, access, replaceMissing } = options;
  const isNew = (await access.listKeys()).length === 0;
  const mayMake = isNew || replaceMissing;
  await mkdir(directory, { recursive: true, mode: 0o700 });

  const signing = await openTokenSecret(options, mayMake);
  if ("problem" in signing) return signing;
  const previous = await previousSecret(options);
  if (previous !== null && typeof previous !== "string") return previous;
  const disagreement = await disagrees(signing, previous, options);
  if (disagreement !== null) return disagreement;
  const api = await openApiKey(join(directory, "api.key"), options, mayMake && options.makesApiKey);
  if ("problem" in api) return api;
  return {
    signingKeys: [signing.secret, ...(previous === null ? [] : [previous])].map((secret) =>
      Buffer.from(secret),
    ),
    signingKeyFile: signing.file,
    apiKeyFile: api.file,
    made: api.made || signing.made,
  };
}

interface Secret {
  readonly secret: string;
  readonly file: string | null;
  readonly made: boolean;
}

async function openTokenSecret(options: FirstKeysOptions, mayMake: boolean): Promise<Secret | KeyProblem> {
  const { directory, tokenSecret, tokenSecretFile } = options;
  if (tokenSecret !== null) return { secret: tokenSecret, file: null, made: false };
  const file = tokenSecretFile ?? join(directory, "signing.key");
  const there = await readIfThere(file);
  if (there !== null) {
    if (Buffer.byteLength(there) >= leastSecretBytes) return { secret: there, file, made: false };
    return {
      problem: `${file} holds no secret of at least ${leastSecretBytes} bytes; put the right one in its place.`,
    };
  }
  if (tokenSecretFile !== null) return { problem: `${file} does not exist; --token-secret-file names it.` };
  if (mayMake) {
    const secret = randomBytes(32).toString("base64url");
    await writeSecret(file, secret);
    return { secret, file, made: true };
  }
  return {
    problem:
      `${file} is missing, and with it what tokens are signed with. ` +
      (options.facts === null
        ? "Put it there from a backup; or start once with "
        : "Give this process the secret of those that share the store, as CARILLON_TOKEN_SECRET or with " +
          "--token-secret-file; or start once with ") +
      "--replace-missing-keys to make a new one, which ends all tokens signed with the old one.",
  };
}

async function previousSecret(options: FirstKeysOptions): Promise<string | null | KeyProblem> {
  const { previousTokenSecret, previousTokenSecretFile: file } = options;
  if (file === null) return previousTokenSecret;
  const there = await readIfThere(file);
  if (there === null) return { problem: `${file} does not exist; --previous-token-secret-file names it.` };
  return Buffer.byteLength(there) >= leastSecretBytes
    ? there
    : { problem: `${file} holds no secret of at least ${leastSecretBytes} bytes.` };
}

/**
 * Processes agree on the secret that signs. One that takes the other's tokens too goes along with it: while a secret is
 * replaced, process by process, each takes the tokens of both.
 */
async function disagrees(
  { secret, file, made }: Secret,
  previous: string | null,
  { facts, replaceMissing }: FirstKeysOptions,
): Promise<KeyProblem | null> {
  if (facts === null) return null;
  const [, mine] = signingKeyFact(secret);
  const kept = await facts.agree(signingFact, mine);
  if (kept === mine) return null;
  if (replaceMissing || (previous !== null && kept === signingKeyFact(previous)[1])) {
    await facts.amend(signingFact, mine);
    return null;
  }
  if (made) await rm(file!, { force: true });
  return {
    problem:
      "the processes that share this store sign tokens with another secret than this one. Give this process the same, " +
      "as CARILLON_TOKEN_SECRET or with --token-secret-file; or start once with --replace-missing-keys to make this " +
      "one the right one, which ends all tokens signed with the other.",
  };
}

/** The file comes before the hash: after a crash between them the next start takes the file's key in. */
async function openApiKey(
  file: string,
  { access, clock, replaceMissing }: FirstKeysOptions,
  mayMake: boolean,
): Promise<{ readonly file: string | null; readonly made: boolean } | KeyProblem> {
  const there = await readIfThere(file);
  if (there === null && !mayMake) return { file: null, made: false };
  const wanted = { name: firstKeyName, scopes, sources: ["*"], expiresAt: null };
  const created = createKey(wanted, clock.now());
  if (there === null) {
    await writeSecret(file, created.secret);
    if (replaceMissing) await access.removeKey(firstKeyName);
    const added = await access.addKey(created.record);
    // Another process that shares the store was first; its file has the key.
    if (!added) await rm(file, { force: true });
    return { file: added ? file : null, made: added };
  }
  if (!mayMake) return { file, made: false };
  if (!isKeySecret(there)) return { problem: `${file} does not hold an API key; remove it and start again.` };
  await access.addKey({ ...created.record, hash: hash("sha256", there, "hex") });
  return { file, made: false };
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw cause;
  }
}

/** Whole or not at all, readable by the owner alone, and on disk when it resolves. */
async function writeSecret(file: string, secret: string): Promise<void> {
  const draft = `${file}.new`;
  const handle = await open(draft, "w", 0o600);
  try {
    await handle.chmod(0o600);
    await handle.writeFile(`${secret}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(draft, file);
  const directory = await open(dirname(file), "r");
  await directory.sync().finally(() => directory.close());
}
