import { describe, expect, test } from "vitest";
import { headOf, opened, type StoreUnderTest } from "./suite.ts";

export function examinePeople(name: string, subject: StoreUnderTest): void {
  describe(`people on ${name}`, () => {
    test("a state is kept under its version, raises the user's rev and survives a restart", async () => {
      const subjectStore = await opened(subject);
      const { people } = subjectStore.store;
      expect(await people.state("a")).toEqual({ version: 0, state: "{}" });
      expect(await people.putState("a", '{"n":1}', 0)).toEqual({ rev: 1 });
      const odd = '{"n":"\\u0000 \\ud800 \u{1f514} имя"}';
      expect(await people.putState("a", odd, 1)).toEqual({ rev: 2 });
      expect(await people.putState("b", '{"n":3}', 0)).toEqual({ rev: 1 });
      await subjectStore.reopen();
      const { people: later } = subjectStore.store;
      expect(await later.state("a")).toEqual({ version: 2, state: odd });
      expect(await later.state("b")).toEqual({ version: 1, state: '{"n":3}' });
      expect(await headOf(subjectStore.store.streams, "user:a")).toMatchObject({ head: 0, rev: 2 });
    });

    test("what was made from another version changes nothing", async () => {
      const { store } = await opened(subject);
      const { people, streams } = store;
      expect(await people.putState("a", '{"n":1}', 1)).toBeNull();
      expect(await people.state("a")).toEqual({ version: 0, state: "{}" });
      await people.putState("a", '{"n":1}', 0);
      expect(await people.putState("a", '{"n":2}', 0)).toBeNull();
      expect(await people.putState("a", '{"n":2}', 2)).toBeNull();
      expect(await people.state("a")).toEqual({ version: 1, state: '{"n":1}' });
      expect(await headOf(streams, "user:a")).toMatchObject({ rev: 1 });
    });

    test("of those who write from the same version at once, one does", async () => {
      const { store } = await opened(subject);
      const { people } = store;
      for (let version = 0; version < 3; version++) {
        const tried = await Promise.all(
          Array.from({ length: 8 }, (_, at) => people.putState("a", `{"by":${at}}`, version)),
        );
        const by = tried.findIndex((done) => done !== null);
        expect(tried.filter((done) => done !== null)).toHaveLength(1);
        expect(await people.state("a")).toEqual({ version: version + 1, state: `{"by":${by}}` });
      }
    });

    test("a state of the largest size, and those of many users asked at once", async () => {
      const { store } = await opened(subject);
      const { people } = store;
      const large = JSON.stringify({ text: "x".repeat(16_384 - 11) });
      expect(large).toHaveLength(16_384);
      await people.putState("u7", large, 0);
      const users = Array.from({ length: 300 }, (_, at) => `u${at}`);
      const states = await Promise.all(users.map((user) => people.state(user)));
      expect(states.map(({ version }) => version)).toEqual(users.map((user) => (user === "u7" ? 1 : 0)));
      expect(states[7]).toEqual({ version: 1, state: large });
    });
  });
}
