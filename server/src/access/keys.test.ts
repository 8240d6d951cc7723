import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { Failure } from "../errors.ts";
import type { ApiKey } from "../store/access.ts";
import { createKey, isKeySecret, type KeysOptions, openKeys } from "./keys.ts";

const wanted = { name: "shop", scopes: ["send"], sources: ["/shop"], expiresAt: null } as const;

function setUp(options: Partial<KeysOptions> = {}, expiresAt: number | null = null) {
  const { secret, record } = createKey({ ...wanted, expiresAt }, 0);
  const stored = new Map<string, ApiKey>([[record.hash, record]]);
  const state = { now: 0, lookups: 0, isAway: false };
  const access = {
    async findKey(hash: string) {
      state.lookups++;
      if (state.isAway) throw new Failure("unavailable", "the store is away");
      return stored.get(hash) ?? null;
    },
  };
  const keys = openKeys(
    access,
    { now: () => state.now },
    { ttlMs: 10_000, awayMs: 60_000, most: 3, mostLookups: 2, ...options },
  );
  return { keys, secret, record, stored, state };
}

const stranger = (i: number) => `ck_${String(i).padStart(43, "x")}`;

test("a key's secret is 256 random bits, and only its hash is to be kept", () => {
  const a = createKey(wanted, 1);
  const b = createKey(wanted, 1);
  expect(a.secret).toMatch(/^ck_[A-Za-z0-9_-]{43}$/);
  expect(isKeySecret(a.secret)).toBe(true);
  expect(a.secret).not.toBe(b.secret);
  expect(a.record.hash).toBe(createHash("sha256").update(a.secret).digest("hex"));
  expect(JSON.stringify(a.record)).not.toContain(a.secret.slice(3));
});

test("a known key costs no lookup, and a removed one is forgotten in time", async () => {
  const { keys, secret, record, stored, state } = setUp();
  expect(await keys.find(secret)).toEqual(record);
  expect(keys.find(secret)).toEqual(record);
  expect(state.lookups).toBe(1);
  stored.clear();
  state.now = 10_000;
  expect(await keys.find(secret)).toBeNull();
});

test("a known key is good while the store is away, for a bounded time; no other is", async () => {
  const { keys, secret, record, stored, state } = setUp();
  await keys.find(secret);
  state.isAway = true;
  state.now = 10_000;
  expect(await keys.find(secret)).toEqual(record);
  const before = state.lookups;
  expect(keys.find(secret), "asking the store costs time: not for every request").toEqual(record);
  expect(state.lookups).toBe(before);
  await expect(keys.find(stranger(1))).rejects.toMatchObject({ code: "unavailable" });
  state.now = 59_999;
  expect(await keys.find(secret)).toEqual(record);
  state.now = 61_000;
  await expect(keys.find(secret)).rejects.toMatchObject({ code: "unavailable" });

  state.isAway = false;
  stored.clear();
  expect(await keys.find(secret)).toBeNull();
});

test("a key that was withdrawn or has expired isn't good because the store is away", async () => {
  const { keys, secret, state } = setUp({}, 30_000);
  await keys.find(secret);
  state.isAway = true;
  state.now = 30_000;
  expect(await keys.find(secret)).toBeNull();

  const withdrawn = setUp();
  await withdrawn.keys.find(withdrawn.secret);
  withdrawn.keys.forget("shop");
  withdrawn.state.isAway = true;
  await expect(withdrawn.keys.find(withdrawn.secret)).rejects.toMatchObject({ code: "unavailable" });
});

test("an expired key is none, known or not", async () => {
  const { keys, secret, state } = setUp({}, 5_000);
  expect(await keys.find(secret)).not.toBeNull();
  state.now = 5_000;
  expect(await keys.find(secret)).toBeNull();
  state.now = 20_000;
  expect(await keys.find(secret)).toBeNull();
});

test("what isn't a key's secret is never looked up", async () => {
  const { keys, state } = setUp();
  for (const text of ["", "ck_", `ck_${"x".repeat(42)}`, `ck_${"x".repeat(44)}`, `CK_${"x".repeat(43)}`]) {
    expect(await keys.find(text)).toBeNull();
  }
  expect(state.lookups).toBe(0);
});

test("strangers' guesses neither push out known keys nor take all of the store", async () => {
  const { keys, secret, state } = setUp();
  await keys.find(secret);
  for (let i = 0; i < 10; i++) expect(await keys.find(stranger(i))).toBeNull();
  const before = state.lookups;
  expect(keys.find(secret)).not.toBeInstanceOf(Promise);
  expect(state.lookups).toBe(before);

  const many = await Promise.allSettled([10, 11, 12, 13].map((i) => keys.find(stranger(i))));
  expect(many.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "rejected"]);
  expect(many[2]).toMatchObject({ reason: { code: "overloaded", retryAfterMs: 1_000 } });
  expect(await keys.find(stranger(14))).toBeNull();
});

test("a key's holders are not taken for strangers, however many ask at once or strangers guess", async () => {
  const { keys, secret, state } = setUp();
  const first = await Promise.all(Array.from({ length: 10 }, () => keys.find(secret)));
  expect(first.every((key) => key !== null)).toBe(true);
  expect(state.lookups).toBe(1);
  state.now = 10_000;
  const guesses = [1, 2].map((i) => keys.find(stranger(i)));
  expect(await keys.find(secret)).not.toBeNull();
  expect(await Promise.all(guesses)).toEqual([null, null]);
});

test("the memory is bounded", async () => {
  const { keys, stored, state } = setUp();
  const secrets = Array.from({ length: 5 }, (_, i) => {
    const { secret, record } = createKey({ ...wanted, name: `k${i}` }, 0);
    stored.set(record.hash, record);
    return secret;
  });
  for (const secret of secrets) await keys.find(secret);
  const before = state.lookups;
  for (const secret of secrets.slice(2)) await keys.find(secret);
  expect(state.lookups).toBe(before);
  await keys.find(secrets[0]!);
  expect(state.lookups).toBe(before + 1);
});

test("a forgotten key is looked up anew, also by whoever asks while an older lookup is under way", async () => {
  const { keys, secret, stored } = setUp();
  await keys.find(secret);
  stored.clear();
  keys.forget("other");
  expect(await keys.find(secret)).not.toBeNull();
  keys.forget("shop");
  expect(await keys.find(secret)).toBeNull();

  const late = setUp();
  const older = late.keys.find(late.secret);
  late.stored.clear();
  late.keys.forget("shop");
  expect(await late.keys.find(late.secret)).toBeNull();
  expect(await older).not.toBeNull();

  const alone = setUp();
  const only = alone.keys.find(alone.secret);
  alone.stored.clear();
  alone.keys.forget("shop");
  expect(await only).not.toBeNull();
  expect(await alone.keys.find(alone.secret)).toBeNull();
});
