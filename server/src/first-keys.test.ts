import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { systemClock } from "./clock.ts";
import { type FirstKeysOptions, openFirstKeys } from "./first-keys.ts";
import type { AccessDriver, ApiKey } from "./store/access.ts";

let directory = "";
let kept: ApiKey[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "carillon-keys-"));
  kept = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const access: AccessDriver = {
  async addKey(key) {
    if (kept.some(({ name, hash }) => name === key.name || hash === key.hash)) return false;
    kept.push(key);
    return true;
  },
  findKey: async (hash) => kept.find((key) => key.hash === hash) ?? null,
  listKeys: async () => kept,
  async removeKey(name) {
    const before = kept.length;
    kept = kept.filter((key) => key.name !== name);
    return kept.length < before;
  },
};

const open = (more: Partial<FirstKeysOptions> = {}) =>
  openFirstKeys({
    directory,
    access,
    clock: systemClock,
    replaceMissing: false,
    tokenSecret: null,
    tokenSecretFile: null,
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
  expect(keys.signingKey.toString()).toBe(file("signing.key"));
  expect(keys.signingKey.length).toBeGreaterThanOrEqual(43);
  expect(kept.map(({ hash }) => hash)).toEqual([sha256(file("api.key"))]);
  for (const name of ["signing.key", "api.key"])
    expect(statSync(join(directory, name)).mode & 0o777).toBe(0o600);
  expect(readdirSync(directory).sort()).toEqual(["api.key", "signing.key"]);
});

test("the next start reads the same keys", async () => {
  const first = await good();
  const second = await good();
  expect(second).toEqual({ ...first, made: false });
});

test("an API key whose hash a crash left out of the store is taken in", async () => {
  await good();
  kept = [];
  await good();
  expect(kept.map(({ hash }) => hash)).toEqual([sha256(file("api.key"))]);
});

test("a missing api.key is fine, and is made anew only when asked for", async () => {
  await good();
  const before = kept[0]!.hash;
  rmSync(join(directory, "api.key"));
  expect((await good()).apiKeyFile).toBeNull();
  expect(kept[0]!.hash).toBe(before);
  expect((await good({ replaceMissing: true })).apiKeyFile).toBe(join(directory, "api.key"));
  expect(kept.map(({ hash }) => hash)).toEqual([sha256(file("api.key"))]);
  expect(kept[0]!.hash).not.toBe(before);
});

test("a missing signing.key stops the start, unless a new one is asked for", async () => {
  const first = await good();
  rmSync(join(directory, "signing.key"));
  expect(await open()).toEqual({ problem: expect.stringContaining("--replace-missing-keys") });
  const second = await good({ replaceMissing: true });
  expect(second.signingKey.equals(first.signingKey)).toBe(false);
});

test("damaged key files are told, not used", async () => {
  await good();
  writeFileSync(join(directory, "signing.key"), "short\n");
  expect(await open()).toEqual({ problem: expect.stringContaining("at least 32 bytes") });
});

test("a secret from elsewhere makes no signing.key", async () => {
  const secret = "s".repeat(40);
  expect((await good({ tokenSecret: secret })).signingKey.toString()).toBe(secret);
  writeFileSync(join(directory, "shared-secret"), `${secret}\n`);
  const keys = await good({ tokenSecretFile: join(directory, "shared-secret") });
  expect(keys.signingKey.toString()).toBe(secret);
  expect(readdirSync(directory)).not.toContain("signing.key");
  expect(await open({ tokenSecretFile: "/nowhere/secret" })).toEqual({
    problem: expect.stringContaining("does not exist"),
  });
});
