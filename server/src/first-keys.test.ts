import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { type FirstKeysOptions, openFirstKeys } from "./first-keys.ts";
import { openSqlite } from "./store/sqlite/open.ts";
import type { StoreBackend } from "./store/store.ts";

let directory = "";
let store: StoreBackend;
beforeEach(async () => {
  directory = mkdtempSync(join(tmpdir(), "carillon-keys-"));
  store = await openSqlite({ directory: join(directory, "store"), identityWindowMs: 1_000 });
});
afterEach(async () => {
  await store.stop();
  rmSync(directory, { recursive: true, force: true });
});

const hashes = async () => (await store.access.listKeys()).map(({ hash }) => hash);

const open = (more: Partial<FirstKeysOptions> = {}) =>
  openFirstKeys({
    directory,
    access: store.access,
    facts: null,
    clock: systemClock,
    replaceMissing: false,
    makesApiKey: true,
    tokenSecret: null,
    tokenSecretFile: null,
    previousTokenSecret: null,
    previousTokenSecretFile: null,
    ...more,
  });

const good = async (more: Partial<FirstKeysOptions> = {}) => {
  const keys = await open(more);
  if ("problem" in keys) throw new Error(keys.problem);
  return keys;
};

const file = (name: string) => readFileSync(join(directory, name), "utf8").trim();
const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

test("the first start makes both keys, for the owner's eyes only, and keeps a hash", async () => {
  const keys = await good();
  expect(keys.made).toBe(true);
  expect(keys.signingKeys[0]!.toString()).toBe(file("signing.key"));
  expect(keys.signingKeys[0]!.length).toBeGreaterThanOrEqual(43);
  expect(await hashes()).toEqual([sha256(file("api.key"))]);
  for (const name of ["signing.key", "api.key"])
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory).sort()).toEqual(["api.key", "signing.key", "store"]);
});

test("the next start reads the same keys", async () => {
  const first = await good();
  const second = await good();
  expect(second).toEqual({ ...first, made: false });
});

test("an API key whose hash a crash left out of the store is taken in", async () => {
  await good();
  await store.access.removeKey("first");
  await good();
  expect(await hashes()).toEqual([sha256(file("api.key"))]);
});

test("a missing api.key is fine, and is made anew only when asked for", async () => {
  await good();
  const before = await hashes();
  rmSync(join(directory, "api.key"));
  expect((await good()).apiKeyFile).toBeNull();
  expect(await hashes()).toEqual(before);
  expect((await good({ replaceMissing: true })).apiKeyFile).toBe(join(directory, "api.key"));
  expect(await hashes()).toEqual([sha256(file("api.key"))]);
  expect(await hashes()).not.toEqual(before);
});

test("a missing signing.key stops the start, unless a new one is asked for", async () => {
  const first = await good();
  rmSync(join(directory, "signing.key"));
  expect(await open()).toEqual({ problem: expect.stringContaining("--replace-missing-keys") });
  const second = await good({ replaceMissing: true });
  expect(second.signingKeys[0]!.equals(first.signingKeys[0]!)).toBe(false);
});

test("damaged key files are told, not used", async () => {
  await good();
  writeFileSync(join(directory, "signing.key"), "short\n");
  expect(await open()).toEqual({ problem: expect.stringContaining("at least 32 bytes") });
});

test("a secret from elsewhere makes no signing.key", async () => {
  const secret = "s".repeat(40);
  expect((await good({ tokenSecret: secret })).signingKeys[0]!.toString()).toBe(secret);
  writeFileSync(join(directory, "shared-secret"), `${secret}\n`);
  const keys = await good({ tokenSecretFile: join(directory, "shared-secret") });
  expect(keys.signingKeys[0]!.toString()).toBe(secret);
  expect(readdirSync(directory)).not.toContain("signing.key");
  expect(await open({ tokenSecretFile: "/nowhere/secret" })).toEqual({
    problem: expect.stringContaining("does not exist"),
  });
});

test("processes that share a store sign with the same secret, or say that they don't", async () => {
  const facts = store.coordination;
  const first = await good({ facts });
  const elsewhere = join(directory, "elsewhere");
  const missing = await open({ facts, directory: elsewhere });
  expect(missing).toEqual({ problem: expect.stringContaining("the secret of those that share the store") });
  const other = { facts, directory: elsewhere, tokenSecret: "o".repeat(40) };
  expect(await open(other)).toEqual({ problem: expect.stringContaining("another secret") });
  const same = await good({ ...other, tokenSecret: first.signingKeys[0]!.toString() });
  expect(same).toMatchObject({ made: false, apiKeyFile: null });
  await good({ ...other, replaceMissing: true });
  expect(await open({ facts })).toEqual({ problem: expect.stringContaining("another secret") });
});

test("a secret is replaced process by process, while each takes the tokens of both", async () => {
  const [older, newer] = ["o".repeat(40), "n".repeat(40)];
  const at = (name: string, tokenSecret: string, previousTokenSecret: string | null = null) =>
    open({ directory: join(directory, name), facts: store.coordination, tokenSecret, previousTokenSecret });
  const refused = { problem: expect.stringContaining("another secret") };
  await at("a", older);
  expect(await at("b", newer)).toEqual(refused);
  const prepared = await at("a", older, newer);
  expect(prepared).toMatchObject({ signingKeys: [Buffer.from(older), Buffer.from(newer)] });
  expect(await at("b", newer, older)).toHaveProperty("signingKeys");
  expect(await at("a", older, newer)).toHaveProperty("signingKeys");
  expect(await at("a", newer, older)).toHaveProperty("signingKeys");
  expect(await at("b", newer)).toHaveProperty("signingKeys");
  expect(await at("c", older)).toEqual(refused);
});

test("the second secret may be in a file, of the same least length", async () => {
  const file = join(directory, "previous");
  expect(await open({ previousTokenSecretFile: file })).toEqual({
    problem: expect.stringContaining("does not exist"),
  });
  writeFileSync(file, "short");
  expect(await open({ previousTokenSecretFile: file })).toEqual({
    problem: expect.stringContaining("at least 32 bytes"),
  });
  writeFileSync(file, `${"p".repeat(40)}\n`);
  expect((await good({ previousTokenSecretFile: file })).signingKeys[1]!.toString()).toBe("p".repeat(40));
});

test("of processes that begin at once on a new store, one makes the API key, and no file holds a dead one", async () => {
  const secret = { tokenSecret: "s".repeat(40), facts: store.coordination };
  const directories = ["a", "b", "c"].map((name) => join(directory, name));
  const all = await Promise.all(directories.map((one) => good({ ...secret, directory: one })));
  const files = all.flatMap(({ apiKeyFile }) => apiKeyFile ?? []);
  expect(files).toHaveLength(1);
  expect(await hashes()).toEqual([sha256(readFileSync(files[0]!, "utf8").trim())]);
  expect(directories.flatMap((one) => readdirSync(one))).toEqual(["api.key"]);
});

test("a process without producers makes no API key", async () => {
  const keys = await good({ makesApiKey: false, tokenSecret: "s".repeat(40) });
  expect(keys).toMatchObject({ apiKeyFile: null, made: false });
  expect(await hashes()).toEqual([]);
});
