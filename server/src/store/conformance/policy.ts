/** What a topic lets happen, and whose it is. */
import { describe, expect, test } from "vitest";
import { defaultPolicy, type Policy } from "../directory.ts";
import { opened, type StoreUnderTest } from "./suite.ts";

const policy: Policy = { subscribe: "open", publish: "subscribers", active: false, keepMs: 86_400_000 };
const by = (owner: string) => ({ owner, orOpen: false });
const byOrOpen = (owner: string) => ({ owner, orOpen: true });

export function examinePolicy(name: string, subject: StoreUnderTest): void {
  describe(`policy of topics on ${name}`, () => {
    test("a topic keeps what it was made with, and changes what it is told to", async () => {
      const subjectStore = await opened(subject);
      const { directory } = subjectStore.store;
      await directory.putTopic("plain", "key:k");
      expect(await directory.getTopic("plain")).toMatchObject(defaultPolicy);
      await directory.putTopic("t", "user:1", policy);
      expect(await directory.putTopic("t", "user:2", defaultPolicy)).toEqual({ created: false });
      expect(await directory.getTopic("t")).toMatchObject({ owner: "user:1", ...policy });
      expect(await directory.changeTopic("nowhere", { active: false })).toBe(false);

      const steps = [
        [{}, policy],
        [{ active: true }, { ...policy, active: true }],
        [
          { keepMs: null, subscribe: "closed" },
          { ...policy, active: true, keepMs: null, subscribe: "closed" },
        ],
        [{ keepMs: 2 ** 52 }, { keepMs: 2 ** 52 }],
        [
          { publish: "granted", owner: "key:k" },
          { publish: "granted", owner: "key:k" },
        ],
        [policy, { ...policy, owner: "key:k" }],
      ] as const;
      for (const [changes, expected] of steps) {
        expect(await directory.changeTopic("t", changes)).toBe(true);
        expect(await directory.getTopic("t")).toMatchObject(expected);
      }
      await subjectStore.reopen();
      const later = subjectStore.store.directory;
      expect((await later.listTopics("", 10)).items).toEqual([
        expect.objectContaining({ topic: "plain", ...defaultPolicy, owner: "key:k" }),
        expect.objectContaining({ topic: "t", ...policy, owner: "key:k" }),
      ]);
    });

    test("a topic made again has the policy that it is made with", async () => {
      const { store } = await opened(subject);
      await store.directory.putTopic("t", "user:1", policy);
      await store.directory.deleteTopic("t");
      expect(await store.directory.changeTopic("t", { active: true })).toBe(false);
      await store.directory.putTopic("t", "user:2");
      expect(await store.directory.getTopic("t")).toMatchObject({ owner: "user:2", ...defaultPolicy });
    });

    test("a write that is for an owner's topic alone finds no other", async () => {
      const { store } = await opened(subject);
      const { directory, grants } = store;
      await directory.putTopic("t", "user:1");
      for (const only of [by("user:2"), byOrOpen("user:2")]) {
        expect(await directory.changeTopic("t", { active: false }, only)).toBe(false);
        expect(await directory.deleteTopic("t", only)).toBeNull();
        expect(await directory.subscribe("t", ["a"], 256, only)).toBeNull();
        expect(await grants.grant("t", "a", 9, only)).toBeNull();
        expect(await grants.revoke("t", "a", only)).toBe(false);
      }
      await directory.changeTopic("t", { subscribe: "open" });
      expect(await directory.subscribe("t", ["a"], 256, by("user:2"))).toBeNull();
      expect(await directory.subscribe("t", ["a"], 256, byOrOpen("user:2"))).toMatchObject({ full: [] });
      expect(await directory.subscribe("t", ["b"], 256, by("user:1"))).toMatchObject({ full: [] });
      expect(await grants.grant("t", "a", 9, by("user:1"))).toBe("made");
      expect(await grants.revoke("t", "a", by("user:1"))).toBe(true);
      expect(await directory.changeTopic("t", { owner: "user:2" }, by("user:1"))).toBe(true);
      expect(await directory.deleteTopic("t", by("user:1"))).toBeNull();
      expect(await directory.deleteTopic("t", by("user:2"))).not.toBeNull();
    });

    test("an owner's topics are listed apart, page by page", async () => {
      const { store } = await opened(subject);
      const { directory } = store;
      for (const at of [1, 2, 3, 4, 5]) {
        await directory.putTopic(`t${at}`, at % 2 === 1 ? "user:1" : "user:2");
      }
      const first = await directory.listTopics("", 2, "user:1");
      expect(first.items.map(({ topic }) => topic)).toEqual(["t1", "t3"]);
      expect(first.next).toBe("t3");
      const rest = await directory.listTopics("t3", 2, "user:1");
      expect(rest.items.map(({ topic }) => topic)).toEqual(["t5"]);
      expect(rest.next).toBeNull();
      expect(await directory.listTopics("", 9, "user:3")).toEqual({ items: [], next: null });
    });

    test("nobody has more topics than are allowed, however many they make at once", async () => {
      const { store } = await opened(subject);
      const { directory } = store;
      const names = Array.from({ length: 12 }, (_, at) => `t${at}`);
      const make = (topic: string) => directory.putTopic(topic, "user:1", defaultPolicy, 5);
      const made = await Promise.all(names.map(make));
      expect(made.filter(({ created }) => created)).toHaveLength(5);
      expect(made.filter(({ full }) => full)).toHaveLength(7);
      const { items } = await directory.listTopics("", 100, "user:1");
      expect(items).toHaveLength(5);
      const [mine] = items;
      expect(await make(mine!.topic)).toEqual({ created: false });
      expect(await directory.putTopic("other", "user:2", defaultPolicy, 5)).toEqual({ created: true });
      expect(await directory.putTopic("more", "user:1", defaultPolicy, null)).toEqual({ created: true });
      await directory.deleteTopic("more");
      await directory.deleteTopic(mine!.topic);
      expect(await make("next")).toEqual({ created: true });
      expect(await make("too-many")).toEqual({ created: false, full: true });
      expect(await directory.getTopic("too-many")).toBeNull();
    });
  });
}
