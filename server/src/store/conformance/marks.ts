import type { Mark, MarkChange, MarkKind } from "@carillon/protocol/marks";
import { type StreamName, topicStream } from "@carillon/protocol/stream";
import { describe, expect, test } from "vitest";
import { unmarked } from "../marks.ts";
import type { StoreBackend } from "../store.ts";
import { apply, headOf, type OpenedStore, opened, record, records, type StoreUnderTest } from "./suite.ts";

const own = "user:a";
const place = (upTo: number, ...except: readonly number[]): Mark => ({ upTo, except });
const singles = (stream: StreamName, ...seqs: readonly number[]): MarkChange => ({
  stream,
  seqs,
  undo: false,
});
const undo = (stream: StreamName, ...seqs: readonly number[]): MarkChange => ({ stream, seqs, undo: true });
const odd = Array.from({ length: 256 }, (_, at) => 2 * at + 3);

const standing = async ({ positions }: StoreBackend, stream: StreamName) => {
  const unread = await positions.unread("a");
  return unread.streams.find((one) => one.stream === stream);
};

/** A user with two topics, of which one has rows from before. */
async function withTopics(subject: StoreUnderTest): Promise<OpenedStore> {
  const opening = await opened(subject);
  const { directory, streams } = opening.store;
  await directory.putTopic("t", "key:k");
  await directory.putTopic("u", "key:k");
  await apply(streams, ...records("topic:t", 4));
  await directory.subscribe("t", ["a"], 256);
  await directory.subscribe("u", ["a"], 256);
  await apply(streams, ...records(own, 3), ...records("topic:t", 3), ...records("topic:u", 2));
  return opening;
}

export function examineMarks(subject: StoreUnderTest): void {
  describe("marks", () => {
    test("invariant 7: up to a place the larger wins, never beyond the head, durable, and told by the rev", async () => {
      const opening = await opened(subject);
      const { positions, streams } = opening.store;
      const read = (upTo: number) => positions.mark("a", "read", { stream: own, upTo });
      expect(await read(5)).toEqual({ mark: unmarked, rev: 0 });
      await apply(streams, ...records(own, 5));
      expect(await read(3)).toEqual({ mark: place(3), rev: 1 });
      expect(await read(2)).toEqual({ mark: place(3), rev: 1 });
      expect(await read(3)).toEqual({ mark: place(3), rev: 1 });
      expect(await read(Number.MAX_SAFE_INTEGER)).toEqual({ mark: place(5), rev: 2 });
      expect(await headOf(streams, own)).toMatchObject({ rev: 2 });
      await opening.reopen();
      await apply(opening.store.streams, ...records(own, 2));
      expect(await opening.store.positions.unread("a")).toMatchObject({
        rev: 2,
        total: 2,
        unseen: 2,
        streams: [{ stream: own, count: 2, unseen: 2, head: 7, read: place(5) }],
      });
    });

    test.each<MarkKind>(["read", "archive"])(
      "%s: single ones and back; they fold into the place that they touch; one up to it takes them in",
      async (kind) => {
        const opening = await opened(subject);
        const { positions, streams } = opening.store;
        await apply(streams, ...records(own, 12));
        const steps: [MarkChange, Mark, unread: number][] = [
          [singles(own, 4, 6), place(0, 4, 6), 10],
          [{ stream: own, upTo: 3 }, place(4, 6), 7],
          [undo(own, 2), place(4, 2, 6), 8],
          [singles(own, 5), place(6, 2), 7],
          [undo(own, 6, 5, 5), place(4, 2), 9],
          [singles(own, 12, 9), place(4, 2, 9, 12), 7],
          [undo(own, 12), place(4, 2, 9), 8],
          [{ stream: own, upTo: 2 }, place(4, 9), 7],
          [{ stream: own, upTo: 8 }, place(9), 3],
          [undo(own, 9, 8, 3), place(7, 3), 6],
          [{ stream: own, upTo: 12 }, place(12), 0],
          [undo(own, ...Array.from({ length: 12 }, (_, at) => at + 1)), place(0), 12],
        ];
        for (const [at, [change, mark, unread]] of steps.entries()) {
          expect(await positions.mark("a", kind, change)).toEqual({ mark, rev: at + 1 });
          expect(await standing(opening.store, own)).toMatchObject({ [kind]: mark, count: unread });
        }
        await positions.mark("a", kind, singles(own, 7, 3));
        await opening.reopen();
        expect(await standing(opening.store, own)).toMatchObject({ [kind]: place(0, 3, 7), count: 10 });
      },
    );

    test("a mark that changes nothing doesn't raise the rev: again, beyond the head, not kept, from before", async () => {
      const { store } = await withTopics(subject);
      const { positions, streams } = store;
      await streams.trim("topic:t", 5);
      await positions.mark("a", "read", singles("topic:t", 7));
      const { rev } = await positions.unread("a");
      const marked = place(0, 7);
      for (const change of [
        singles("topic:t", 7, 7),
        singles("topic:t", 1, 4, 5, 8, 100, 0, Number.MAX_SAFE_INTEGER),
        undo("topic:t", 6, 2, 5, 8),
        { stream: "topic:t", upTo: 0 } as const,
      ]) {
        expect(await positions.mark("a", "read", change)).toEqual({ mark: marked, rev });
      }
      expect(await positions.mark("a", "read", singles("topic:t", 1, 6))).toEqual({
        mark: place(7),
        rev: rev + 1,
      });
      expect(await standing(store, "topic:t")).toMatchObject({ count: 0 });
    });

    test("marks of tombstones and silent ones change no count", async () => {
      const { store } = await opened(subject);
      const { positions, streams } = store;
      const taken = record(own);
      await apply(streams, record(own), taken, record(own, { kind: 1 }), record(own));
      await streams.withdraw(own, taken.key);
      expect(await positions.unread("a")).toMatchObject({ total: 2, unseen: 2 });
      await positions.mark("a", "read", singles(own, 2, 3));
      expect(await positions.unread("a")).toMatchObject({ total: 2, unseen: 2 });
      await positions.mark("a", "read", { stream: own, upTo: 4 });
      await positions.mark("a", "read", undo(own, 2, 3));
      expect(await positions.unread("a")).toMatchObject({ total: 0, unseen: 0 });
      await positions.mark("a", "read", undo(own, 1));
      expect(await positions.unread("a")).toMatchObject({ total: 1, unseen: 1 });
    });

    test("256 single ones of a stream, and no more: then nothing is changed", async () => {
      const { store } = await opened(subject);
      const { positions, streams } = store;
      await apply(streams, ...records(own, 800));
      expect(await positions.mark("a", "read", singles(own, ...odd))).toEqual({
        mark: place(0, ...odd),
        rev: 1,
      });
      expect(await positions.mark("a", "read", singles(own, 1, 700))).toBe("too-many");
      expect(await positions.unread("a")).toMatchObject({ rev: 1, total: 800 - 256 });
      expect(await positions.mark("a", "archive", singles(own, ...odd.map((seq) => seq + 1)))).toMatchObject({
        rev: 2,
      });
      expect(await positions.unread("a")).toMatchObject({ total: 800 - 512 });
      expect(await positions.mark("a", "read", { stream: own, upTo: 700 })).toEqual({
        mark: place(700),
        rev: 3,
      });
      expect(await positions.unread("a")).toMatchObject({ total: 100 });
    });

    test("all: every stream that is followed up to its head, in one commit; again, nothing", async () => {
      const { store } = await withTopics(subject);
      const { positions, streams } = store;
      expect(await positions.unread("a")).toMatchObject({ total: 8, unseen: 8, rev: 2 });
      await positions.mark("a", "read", singles(own, 2));
      expect(await positions.mark("a", "read", { all: true })).toEqual({ mark: null, rev: 4 });
      expect(await positions.mark("a", "read", { all: true })).toEqual({ mark: null, rev: 4 });
      expect(await positions.unread("a")).toMatchObject({
        total: 0,
        unseen: 0,
        rev: 4,
        streams: [{ read: place(3) }, { read: place(7) }, { read: place(2) }],
      });
      await apply(streams, ...records("topic:u", 1));
      expect(await positions.unread("a")).toMatchObject({ total: 1 });
      expect(await positions.mark("nobody", "read", { all: true })).toEqual({ mark: null, rev: 0 });
    });

    test("what is archived isn't counted as unread, whether read or not; back, it is what it was", async () => {
      const { store } = await withTopics(subject);
      const { positions } = store;
      await positions.mark("a", "read", singles(own, 1));
      await positions.mark("a", "archive", { stream: own, upTo: 2 });
      expect(await standing(store, own)).toMatchObject({ count: 1, read: place(1), archive: place(2) });
      await positions.mark("a", "read", undo(own, 1));
      expect(await standing(store, own)).toMatchObject({ count: 1 });
      await positions.mark("a", "archive", undo(own, 1, 2));
      expect(await standing(store, own)).toMatchObject({ count: 3, read: place(0), archive: place(0) });
      await positions.mark("a", "archive", { all: true });
      expect(await positions.unread("a")).toMatchObject({ total: 0, unseen: 0 });
      await positions.mark("a", "archive", undo("topic:t", 6));
      await positions.mark("a", "read", { stream: "topic:t", upTo: 5 });
      expect(await positions.unread("a")).toMatchObject({ total: 1, unseen: 1 });
    });

    test("seen: what is new since is unseen, what was read or archived isn't, and unread again is not unseen again", async () => {
      const { store } = await withTopics(subject);
      const { positions, streams } = store;
      await positions.mark("a", "read", { stream: own, upTo: 3 });
      expect(await positions.mark("a", "seen", { all: true })).toEqual({ mark: null, rev: 4 });
      expect(await positions.unread("a")).toMatchObject({ total: 5, unseen: 0 });
      await positions.mark("a", "read", undo(own, 2));
      expect(await positions.unread("a")).toMatchObject({ total: 6, unseen: 0 });
      await apply(streams, ...records(own, 2), ...records("topic:t", 1));
      expect(await positions.unread("a")).toMatchObject({
        total: 9,
        unseen: 3,
        streams: [
          { count: 3, unseen: 2 },
          { count: 4, unseen: 1 },
          { count: 2, unseen: 0 },
        ],
      });
      await positions.mark("a", "read", singles(own, 5));
      expect(await positions.unread("a")).toMatchObject({ total: 8, unseen: 2 });
      const { rev } = await positions.unread("a");
      expect(await positions.mark("a", "seen", { stream: own, upTo: 4 })).toEqual({
        mark: place(4),
        rev: rev + 1,
      });
      expect(await positions.mark("a", "seen", { stream: own, upTo: 1 })).toEqual({
        mark: place(4),
        rev: rev + 1,
      });
      expect(await positions.unread("a")).toMatchObject({ total: 8, unseen: 1 });
    });

    test("only what is followed can be marked: not another user's stream, not a topic that was left", async () => {
      const { store } = await withTopics(subject);
      const { positions, directory, streams } = store;
      await apply(streams, ...records("user:b", 3));
      const { rev } = await positions.unread("a");
      const upTo = (stream: StreamName): MarkChange => ({ stream, upTo: 1 });
      expect(await positions.mark("a", "read", upTo("user:b"))).toBe("not-followed");
      expect(await positions.mark("a", "seen", upTo("topic:none"))).toBe("not-followed");
      expect(await positions.mark("b", "archive", singles("topic:t", 6))).toBe("not-followed");
      expect(await positions.mark("nobody", "read", upTo("topic:t"))).toBe("not-followed");
      await directory.unsubscribe("t", "a");
      expect(await positions.mark("a", "read", singles("topic:t", 6))).toBe("not-followed");
      await positions.mark("a", "read", { all: true });
      expect(await positions.unread("a")).toMatchObject({ rev: rev + 2 });
      await directory.subscribe("t", ["a"], 256);
      expect(await standing(store, "topic:t")).toMatchObject({ count: 0, read: place(0) });
      expect(await positions.unread("b")).toMatchObject({ total: 3 });
    });

    test("all of 257 streams at once, with a mark in each", async () => {
      const { store } = await opened(subject);
      const { directory, positions, streams } = store;
      const names = Array.from({ length: 256 }, (_, at) => `t${at}`);
      await Promise.all(names.map((name) => directory.putTopic(name, "key:k")));
      await Promise.all(names.map((name) => directory.subscribe(name, ["a"], 256)));
      await apply(streams, record(own), ...names.flatMap((name) => records(topicStream(name), 3)));
      await Promise.all(names.map((name) => positions.mark("a", "read", singles(topicStream(name), 2))));
      const { rev } = await positions.unread("a");
      expect(await positions.unread("a")).toMatchObject({ total: 513, unseen: 513 });
      expect(await positions.mark("a", "seen", { all: true })).toEqual({ mark: null, rev: rev + 1 });
      expect(await positions.unread("a")).toMatchObject({ total: 513, unseen: 0 });
      expect(await positions.mark("a", "read", { all: true })).toEqual({ mark: null, rev: rev + 2 });
      expect(await positions.unread("a")).toMatchObject({ total: 0 });
    });
  });
}
