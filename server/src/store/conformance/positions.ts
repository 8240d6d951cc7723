import { describe, expect, test } from "vitest";
import { examineMarks } from "./marks.ts";
import { apply, keepUp, opened, record, type StoreUnderTest } from "./suite.ts";
import { examineUnread } from "./unread.ts";

const wanted = { receipt: true };

/** `walks`: random histories of what users read. */
export function examinePositions(name: string, subject: StoreUnderTest, walks: number): void {
  describe(`positions on ${name}`, () => {
    examineMarks(subject);
    examineUnread(subject, walks);

    test("a device's place is replaced and survives a restart", async () => {
      const subjectStore = await opened(subject);
      const { positions } = subjectStore.store;
      expect(await positions.findDevice("a", "phone")).toBeNull();
      await positions.saveDevices([
        { user: "a", device: "phone", cursor: "c1" },
        { user: "b", device: "phone", cursor: "c2" },
        { user: "a", device: "desk", cursor: "c3" },
      ]);
      await positions.saveDevices([{ user: "a", device: "phone", cursor: "c4" }]);
      await subjectStore.reopen();
      const { positions: later } = subjectStore.store;
      expect(await later.findDevice("a", "phone")).toBe("c4");
      expect(await later.findDevice("a", "desk")).toBe("c3");
      expect(await later.findDevice("b", "phone")).toBe("c2");
      expect(await later.findDevice("b", "desk")).toBeNull();
    });

    test("of more than 32 devices the longest unseen goes", async () => {
      const { store } = await opened(subject);
      const device = (at: number) => ({ user: "a", device: `d${at}`, cursor: `c${at}` });
      for (let at = 0; at < 32; at++) await store.positions.saveDevices([device(at)]);
      await store.positions.saveDevices([device(0)]);
      await store.positions.saveDevices([device(32), device(33)]);
      const found = await Promise.all(
        Array.from({ length: 34 }, (_, at) => store.positions.findDevice("a", `d${at}`)),
      );
      expect(found.flatMap((cursor, at) => (cursor === null ? [at] : []))).toEqual([1, 2]);
    });

    test("1,000 devices at once", async () => {
      const { store } = await opened(subject);
      const devices = Array.from({ length: 1_000 }, (_, at) => ({
        user: `u${at}`,
        device: "d",
        cursor: `c${at}`,
      }));
      await store.positions.saveDevices(devices);
      expect(await store.positions.findDevice("u999", "d")).toBe("c999");
    });

    test("an acknowledgement is a receipt for the rows that asked for one, the first stays", async () => {
      const subjectStore = await opened(subject);
      const { positions, streams } = subjectStore.store;
      await apply(
        streams,
        record("user:a", wanted),
        record("user:a"),
        record("user:a", wanted),
        record("user:a", wanted),
      );
      await positions.acknowledge([{ user: "a", stream: "user:a", upTo: 3 }]);
      const first = await positions.receipts("user:a", 1, 10);
      expect(first).toEqual({ total: 1, users: [{ user: "a", at: expect.any(Number) }] });
      expect(await positions.receipts("user:a", 2, 10)).toEqual({ total: 0, users: [] });
      expect(await positions.receipts("user:a", 3, 10)).toMatchObject({ total: 1 });
      expect(await positions.receipts("user:a", 4, 10)).toMatchObject({ total: 0 });
      await positions.acknowledge([
        { user: "a", stream: "user:a", upTo: 1 },
        { user: "a", stream: "user:a", upTo: 99 },
      ]);
      await subjectStore.reopen();
      const { positions: later } = subjectStore.store;
      expect(await later.receipts("user:a", 1, 10)).toEqual(first);
      expect(await later.receipts("user:a", 4, 10)).toMatchObject({ total: 1 });
    });

    test("receipts of a topic: of its followers, for what is behind their since, the first first", async () => {
      const { store } = await opened(subject);
      const { positions, streams, directory } = store;
      await directory.putTopic("t", "key:k");
      await directory.subscribe("t", ["early"], 256);
      await apply(streams, record("topic:t", wanted));
      await directory.subscribe("t", ["b", "a"], 256);
      await apply(streams, record("topic:t", wanted));
      for (const user of ["b", "stranger", "early", "a"]) {
        await positions.acknowledge([{ user, stream: "topic:t", upTo: 2 }]);
      }
      expect(await positions.receipts("topic:t", 1, 10)).toMatchObject({
        total: 1,
        users: [{ user: "early" }],
      });
      const second = await positions.receipts("topic:t", 2, 2);
      expect(second.total).toBe(3);
      expect(second.users.map(({ user }) => user)).toEqual(["b", "early"]);
    });

    test("a tombstone was never shown and is not received", async () => {
      const { store } = await opened(subject);
      const one = record("user:a", wanted);
      await apply(store.streams, one, record("user:a", wanted));
      await store.streams.withdraw("user:a", one.key);
      await store.positions.acknowledge([{ user: "a", stream: "user:a", upTo: 2 }]);
      expect(await store.positions.receipts("user:a", 1, 10)).toMatchObject({ total: 0 });
      expect(await store.positions.receipts("user:a", 2, 10)).toMatchObject({ total: 1 });
    });

    test("receipts go with the rows that they are of", async () => {
      const { store } = await opened(subject);
      await apply(store.streams, record("user:a", wanted), record("user:a", wanted));
      await store.positions.acknowledge([{ user: "a", stream: "user:a", upTo: 2 }]);
      await store.streams.trim("user:a", 1);
      await keepUp(store.streams, 1);
      expect(await store.positions.receipts("user:a", 1, 10)).toEqual({ total: 0, users: [] });
      expect(await store.positions.receipts("user:a", 2, 10)).toMatchObject({ total: 1 });
    });

    test("nothing to acknowledge is nothing", async () => {
      const { store } = await opened(subject);
      await store.positions.acknowledge([]);
      await store.positions.acknowledge([{ user: "a", stream: "user:a", upTo: 5 }]);
      await store.positions.saveDevices([]);
      expect(await store.positions.receipts("user:a", 5, 10)).toEqual({ total: 0, users: [] });
    });
  });
}
