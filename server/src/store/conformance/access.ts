import { describe, expect, test } from "vitest";
import type { ApiKey } from "../access.ts";
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
  });
}
