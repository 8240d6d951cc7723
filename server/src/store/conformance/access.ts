import { describe, expect, test } from "vitest";
import type { ApiKey, Revocation } from "../access.ts";
import { opened, type StoreUnderTest } from "./suite.ts";

const key = (name: string, some: Partial<ApiKey> = {}): ApiKey => ({
  name,
  hash: Buffer.from(name.padEnd(32, ".")).toString("hex"),
  scopes: ["send", "topics"],
  sources: ["/shop", "/shop/*"],
  createdAt: 1_700_000_000_000,
  expiresAt: null,
  ...some,
});

const now = Date.now();
const hence = now + 3_600_000;
const many = { perUser: 100, total: 1_000 };
const ofUser = (user: string | null, issuedBefore: number): Revocation => ({
  user,
  tokenId: null,
  issuedBefore,
  until: hence,
});
const ofToken = (user: string, tokenId: string): Revocation => ({
  user,
  tokenId,
  issuedBefore: null,
  until: hence,
});

export function examineAccess(name: string, subject: StoreUnderTest): void {
  describe(`access on ${name}`, () => {
    test("a key is found by its hash, after a restart too", async () => {
      const subjectStore = await opened(subject);
      const shop = key("shop", { expiresAt: 4_102_444_800_000 });
      const bare = key("bare", { scopes: [], sources: [] });
      expect(await subjectStore.store.access.addKey(shop)).toBe(true);
      expect(await subjectStore.store.access.addKey(bare)).toBe(true);
      await subjectStore.reopen();
      const { access } = subjectStore.store;
      expect(await access.findKey(shop.hash)).toEqual(shop);
      expect(await access.findKey(bare.hash)).toEqual(bare);
      expect(await access.findKey("00")).toBeNull();
    });

    test("a name or a hash that is taken changes nothing", async () => {
      const { store } = await opened(subject);
      const { access } = store;
      const shop = key("shop");
      await access.addKey(shop);
      expect(await access.addKey(key("shop", { hash: "ff" }))).toBe(false);
      expect(await access.addKey(key("other", { hash: shop.hash }))).toBe(false);
      expect(await access.listKeys()).toEqual([shop]);
    });

    test("keys are listed, and removed by name", async () => {
      const { store } = await opened(subject);
      const { access } = store;
      expect(await access.listKeys()).toEqual([]);
      await access.addKey(key("shop"));
      await access.addKey(key("ci"));
      expect((await access.listKeys()).map((one) => one.name).toSorted()).toEqual(["ci", "shop"]);
      expect(await access.removeKey("shop")).toBe(true);
      expect(await access.removeKey("shop")).toBe(false);
      expect(await access.findKey(key("shop").hash)).toBeNull();
      expect(await access.addKey(key("shop"))).toBe(true);
    });

    test("a revocation is kept in its place, the larger times stay, and a restart forgets none", async () => {
      const subjectStore = await opened(subject);
      const first = ofUser("a", now - 5_000);
      expect(await subjectStore.store.access.revoke(first, many)).toEqual(first);
      const earlier = { ...first, issuedBefore: now - 9_000, until: hence + 9_000 };
      const merged = { ...first, until: hence + 9_000 };
      expect(await subjectStore.store.access.revoke(earlier, many)).toEqual(merged);
      await subjectStore.store.access.revoke(ofToken("a", "t-1"), many);
      await subjectStore.store.access.revoke(ofUser(null, now), many);
      await subjectStore.reopen();
      const { access } = subjectStore.store;
      expect(await access.revocationsOf("a")).toEqual([merged, ofToken("a", "t-1")]);
      expect(await access.revocationsOf("b")).toEqual([]);
      expect(await access.revocationsOf(null)).toEqual([ofUser(null, now)]);
    });

    test("pages of revocations hold each once, everybody's first", async () => {
      const { store } = await opened(subject);
      const { access } = store;
      const all = [
        ofUser(null, now),
        ...["+a", "B", "a"].flatMap((user) => [ofUser(user, now), ofToken(user, "x")]),
      ];
      for (const one of all.toReversed()) await access.revoke(one, many);
      const told: Revocation[] = [];
      for (let page = await access.revocations(null, 2); page.length > 0; ) {
        expect(page.length).toBeLessThanOrEqual(2);
        told.push(...page);
        page = await access.revocations(page.at(-1)!, 2);
      }
      expect(told).toEqual(all);
    });

    test("a revocation is withdrawn once, and one that has run out is told no more", async () => {
      const { store } = await opened(subject);
      const { access } = store;
      await access.revoke(ofToken("a", "x"), many);
      await access.revoke({ ...ofToken("a", "past"), until: now - 60_000 }, many);
      expect(await access.revocationsOf("a")).toEqual([ofToken("a", "x")]);
      expect(await access.revocations(null, 10)).toEqual([ofToken("a", "x")]);
      expect(await access.unrevoke({ user: "a", tokenId: "past" })).toBe(false);
      expect(await access.unrevoke({ user: "a", tokenId: null })).toBe(false);
      expect(await access.unrevoke({ user: "a", tokenId: "x" })).toBe(true);
      expect(await access.unrevoke({ user: "a", tokenId: "x" })).toBe(false);
    });

    test("there are as many revocations as allowed, however many ask at once; those that ran out don't count", async () => {
      const { store } = await opened(subject);
      const { access } = store;
      await access.revoke({ ...ofToken("a", "past"), until: now - 60_000 }, many);
      const bounds = { perUser: 3, total: 4 };
      const made = await Promise.all(
        ["1", "2", "3", "4", "5"].map((id) => access.revoke(ofToken("a", id), bounds)),
      );
      expect(made.filter((one) => one !== null)).toHaveLength(3);
      const [known] = await access.revocationsOf("a");
      expect(await access.revoke(known!, bounds)).toEqual(known);
      expect(await access.revoke(ofToken("b", "1"), bounds)).not.toBeNull();
      expect(await access.revoke(ofToken("c", "1"), bounds)).toBeNull();
    });

    test("a ticket is used once, however many try at once, after a restart too", async () => {
      const subjectStore = await opened(subject);
      const use = () => subjectStore.store.access.useTicket("ticket", hence);
      const tried = await Promise.all([use(), use(), use()]);
      expect(tried.toSorted()).toEqual([false, false, true]);
      await subjectStore.reopen();
      expect(await use()).toBe(false);
      expect(await subjectStore.store.access.useTicket("another", hence)).toBe(true);
    });
  });
}
