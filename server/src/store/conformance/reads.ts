import type { StreamName } from "@carillon/protocol/stream";
import { describe, expect, test } from "vitest";
import { apply, headOf, inPart, opened, record, records, rowOf, type StoreUnderTest } from "./suite.ts";

export function examineReads(subject: StoreUnderTest): void {
  describe("read", () => {
    test("a stream that nobody has written to is empty", async () => {
      const { store } = await opened(subject);
      expect(await store.streams.read("user:nobody", 0, 10)).toEqual({ first: 1, head: 0, rows: [] });
      expect(await store.streams.heads(["user:nobody"])).toMatchObject({
        heads: [{ head: 0, first: 1, rev: 0, receiptSeq: 0 }],
      });
    });

    test("pages are contiguous, ascending and end at the limit", async () => {
      const { store } = await opened(subject);
      const sent = records("user:a", 300);
      await apply(store.streams, ...sent, ...records("user:b", 3));
      const page = await store.streams.read("user:a", 10, 256);
      expect(page).toMatchObject({ first: 1, head: 300 });
      expect(page.rows).toEqual(sent.slice(10, 266).map((one, at) => rowOf(at + 11, one)));
      expect((await store.streams.read("user:a", 266, 256)).rows.map(({ seq }) => seq)).toEqual(
        Array.from({ length: 34 }, (_, at) => at + 267),
      );
    });

    test("behind the head and beyond it there is nothing", async () => {
      const { store } = await opened(subject);
      await apply(store.streams, ...records("user:a", 3));
      expect(await store.streams.read("user:a", 3, 10)).toEqual({ first: 1, head: 3, rows: [] });
      expect(await store.streams.read("user:a", 99, 10)).toEqual({ first: 1, head: 3, rows: [] });
    });

    test("a page carries about 1 MB of bodies, and always a row where there is one", async () => {
      const { store } = await opened(subject);
      const body = JSON.stringify("x".repeat(64_000));
      await apply(store.streams, ...Array.from({ length: 40 }, () => record("user:a", { body })));
      const { rows } = await store.streams.read("user:a", 0, 256);
      expect(rows.length).toBeGreaterThan(8);
      expect(rows.length).toBeLessThan(33);
    });

    test("heads come in the order asked for, up to 1,000, with repeats", async () => {
      const { store } = await opened(subject);
      await apply(
        store.streams,
        ...Array.from({ length: 500 }, (_, at) => records(`user:${at}`, 1 + (at % 3))).flat(),
      );
      const names = Array.from({ length: 1_000 }, (_, at): StreamName => `user:${at % 501}`);
      const { epoch, heads } = await store.streams.heads(names);
      expect(epoch).toBeGreaterThan(0);
      expect(heads.map(({ head }) => head)).toEqual(
        names.map((_, at) => (at % 501 === 500 ? 0 : 1 + ((at % 501) % 3))),
      );
    });

    test("a head tells of the newest row that wants a receipt", async () => {
      const { store } = await opened(subject);
      const { streams } = store;
      await apply(streams, record("user:a"), record("user:a", { receipt: true }), record("user:a"));
      expect(await headOf(streams, "user:a")).toMatchObject({ head: 3, receiptSeq: 2 });
      await streams.trim("user:a", 2);
      expect(await headOf(streams, "user:a")).toMatchObject({ head: 3, first: 3, receiptSeq: 0 });
    });

    test("invariant 2: what apply resolved with is seen by every read that begins later", async () => {
      const { store } = await opened(subject);
      const { streams } = store;
      for (let at = 1; at <= 50; at++) {
        await apply(streams, record("user:a"));
        const [page, head] = await Promise.all([
          streams.read("user:a", at - 1, 10),
          headOf(streams, "user:a"),
        ]);
        expect(page.rows.map(({ seq }) => seq)).toEqual([at]);
        expect(head.head).toBe(at);
      }
    });

    test("invariant 3: reads during writes see prefixes without holes, and heads that never fall", async () => {
      const { store } = await opened(subject);
      const { streams } = store;
      const [userA, userB] = [inPart(0, subject, "user:a"), inPart(0, subject, "user:b")];
      let writing = true;
      const write = async (): Promise<void> => {
        for (let at = 0; at < 40; at++) await apply(streams, ...records(userA, 25), ...records(userB, 25));
        writing = false;
      };
      const read = async (): Promise<number> => {
        let head = 0;
        let after = 0;
        for (let last = false; !last || after < head; ) {
          last = !writing;
          const [page, both] = await Promise.all([
            streams.read(userA, after, 256),
            streams.heads([userA, userB]),
          ]);
          expect(page.rows.map(({ seq }) => seq)).toEqual(page.rows.map((_, at) => after + at + 1));
          expect(page.head).toBeGreaterThanOrEqual(head);
          expect(both.heads[0]!.head).toBe(both.heads[1]!.head);
          head = page.head;
          after += page.rows.length;
        }
        return after;
      };
      const [, first, second] = await Promise.all([write(), read(), read()]);
      expect([first, second]).toEqual([1_000, 1_000]);
    });
  });
}
