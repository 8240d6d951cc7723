/** Who may publish to a topic, and how users stand to it. */
import { describe, expect, test } from "vitest";
import { opened, type StoreUnderTest } from "./suite.ts";

const people = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `u${String(at).padStart(4, "0")}`);

export function examineGrants(name: string, subject: StoreUnderTest): void {
  describe(`grants on ${name}`, () => {
    test("given once, listed by user, taken once", async () => {
      const subjectStore = await opened(subject);
      const { directory, grants } = subjectStore.store;
      expect(await grants.grant("t", "a", 9)).toBeNull();
      await directory.putTopic("t", "key:k");
      for (const user of ["c", "a", "B", "b"]) expect(await grants.grant("t", user, 9)).toBe("made");
      expect(await grants.grant("t", "a", 9)).toBe("there");
      await subjectStore.reopen();
      const later = subjectStore.store.grants;
      const grant = await later.findGrant("t", "a");
      expect(grant).toEqual({ user: "a", createdAt: expect.any(Number) });
      expect(Number.isInteger(grant!.createdAt)).toBe(true);
      expect(Math.abs(Date.now() - grant!.createdAt)).toBeLessThan(60_000);
      const first = await later.listGrants("t", "", 3);
      expect(first.items.map(({ user }) => user)).toEqual(["B", "a", "b"]);
      expect(first.next).toBe("b");
      expect(await later.listGrants("t", "b", 3)).toEqual({
        items: [{ user: "c", createdAt: expect.any(Number) }],
        next: null,
      });
      expect(await later.revoke("t", "a")).toBe(true);
      expect(await later.revoke("t", "a")).toBe(false);
      expect(await later.findGrant("t", "a")).toBeNull();
      expect(await later.revoke("nowhere", "a")).toBe(false);
      expect(await later.findGrant("nowhere", "a")).toBeNull();
      expect(await later.listGrants("nowhere", "", 3)).toEqual({ items: [], next: null });
    });

    test("a topic has as many as are allowed, however many are given at once", async () => {
      const { store } = await opened(subject);
      const { directory, grants } = store;
      for (const topic of ["t", "u"]) await directory.putTopic(topic, "key:k");
      const given = await Promise.all(people(14).map((user) => grants.grant("t", user, 6)));
      expect(given.filter((one) => one === "made")).toHaveLength(6);
      expect(given.filter((one) => one === "full")).toHaveLength(8);
      const { items } = await grants.listGrants("t", "", 100);
      expect(items).toHaveLength(6);
      expect(await grants.grant("t", items[0]!.user, 6)).toBe("there");
      expect(await grants.grant("u", "a", 6)).toBe("made");
      expect(await grants.revoke("t", items[0]!.user)).toBe(true);
      expect(await grants.grant("t", "again", 6)).toBe("made");
    });

    test("how a user stands to a topic: granted, following, both, neither", async () => {
      const { store } = await opened(subject);
      const { directory, grants } = store;
      expect(await grants.standing("t", "a")).toEqual({ topic: null, granted: false, follows: false });
      await directory.putTopic("t", "key:k");
      await directory.putTopic("other", "key:k");
      await directory.subscribe("t", ["a", "b"], 256);
      await directory.subscribe("other", ["c"], 256);
      await grants.grant("t", "b", 9);
      await grants.grant("t", "c", 9);
      const topic = await directory.getTopic("t");
      expect(topic).toMatchObject({ subscribers: 2 });
      expect(await grants.standing("t", "a")).toEqual({ topic, granted: false, follows: true });
      expect(await grants.standing("t", "b")).toEqual({ topic, granted: true, follows: true });
      expect(await grants.standing("t", "c")).toEqual({ topic, granted: true, follows: false });
      expect(await grants.standing("t", "d")).toEqual({ topic, granted: false, follows: false });
      await directory.unsubscribe("t", "a");
      expect(await grants.standing("t", "a")).toMatchObject({ follows: false });
    });

    test("who of many follows", async () => {
      const { store } = await opened(subject);
      const { directory, grants } = store;
      await directory.putTopic("t", "key:k");
      const users = people(1_000);
      const some = users.filter((_, at) => at % 3 === 0);
      await directory.subscribe("t", some, 256);
      expect((await grants.following("t", users)).toSorted()).toEqual(some);
      expect(await grants.following("t", [some[0]!, "x", some[0]!])).toEqual([some[0]]);
      expect(await grants.following("t", [])).toEqual([]);
      expect(await grants.following("nowhere", users)).toEqual([]);
    });

    test("of a deleted topic no grant is left, whoever granted meanwhile", async () => {
      const { store } = await opened(subject);
      const { directory, grants } = store;
      const users = people(16);
      for (let round = 0; round < 8; round++) {
        await directory.putTopic("t", "key:k");
        await grants.grant("t", "early", 100);
        await Promise.all([directory.deleteTopic("t"), ...users.map((user) => grants.grant("t", user, 100))]);
        expect(await directory.putTopic("t", "key:other")).toEqual({ created: true });
        expect(await grants.listGrants("t", "", 100)).toEqual({ items: [], next: null });
        expect(await grants.standing("t", "early")).toMatchObject({ granted: false, follows: false });
        await directory.deleteTopic("t");
      }
    });

    test("what was taken back isn't granted again by a topic that is made anew for another", async () => {
      const { store } = await opened(subject);
      const { directory, grants } = store;
      const mine = { owner: "user:1", orOpen: false };
      for (let round = 0; round < 8; round++) {
        await directory.putTopic("t", "user:1");
        const remade = (async () => {
          await directory.deleteTopic("t", mine);
          await directory.putTopic("t", "user:2");
        })();
        await Promise.all([
          remade,
          ...people(8).map((user) => grants.grant("t", user, 100, mine)),
          ...people(8).map((user) => directory.subscribe("t", [user], 256, mine)),
          directory.changeTopic("t", { subscribe: "open" }, mine),
        ]);
        expect(await directory.getTopic("t")).toMatchObject({
          owner: "user:2",
          subscribe: "closed",
          subscribers: 0,
        });
        expect(await grants.listGrants("t", "", 100)).toMatchObject({ items: [] });
        await directory.deleteTopic("t");
      }
    });
  });
}
