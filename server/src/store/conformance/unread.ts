import { ownerOf, topicStream } from "@carillon/protocol/stream";
import { describe, expect, test } from "vitest";
import { unmarked } from "../marks.ts";
import type { Unread } from "../positions.ts";
import { apply, keepUp, needsClock, opened, record, records, type StoreUnderTest } from "./suite.ts";
import { walkingMs, walkUnread } from "./unread-walks.ts";

const minuteMs = 60_000;

const counts = ({ streams: some }: Unread) =>
  Object.fromEntries(some.map(({ stream, count }) => [stream, count]));

export function examineUnread(subject: StoreUnderTest, walks: number): void {
  describe("unread", () => {
    test(
      "invariant 7: unread, unseen and what is marked are what a naive model says, after each step of any history",
      {
        timeout: walkingMs(walks) + 30_000,
      },
      () => walkUnread(subject, walks),
    );

    test("a user that nobody knows has nothing unread", async () => {
      const { store } = await opened(subject);
      expect(await store.positions.unread("nobody")).toEqual({
        epoch: expect.any(Number),
        rev: 0,
        total: 0,
        unseen: 0,
        streams: [{ stream: "user:nobody", count: 0, unseen: 0, head: 0, read: unmarked, archive: unmarked }],
      });
    });

    test("invariant 7: what doesn't count: silent, tombstones, before the subscription, trimmed", async () => {
      const { store } = await opened(subject);
      const { positions, directory, streams: log } = store;
      await directory.putTopic("t", "key:k");
      await apply(log, ...records("topic:t", 4));
      await directory.subscribe("t", ["a"], 256);
      const taken = record("topic:t");
      await apply(log, record("topic:t"), record("topic:t", { kind: 1 }), taken, record("topic:t"));
      await log.withdraw("topic:t", taken.key);
      await apply(log, ...records("user:a", 3), record("user:a", { collapseKey: "c" }));
      await apply(log, record("user:a", { collapseKey: "c" }));
      expect(counts(await positions.unread("a"))).toEqual({ "user:a": 4, "topic:t": 2 });
      await log.trim("user:a", 2);
      expect(counts(await positions.unread("a"))).toEqual({ "user:a": 2, "topic:t": 2 });
      await keepUp(log);
      expect(await positions.unread("a")).toMatchObject({ total: 4 });
    });

    test("invariant 7: what has expired doesn't count, before and after upkeep", async (context) => {
      needsClock(subject, context);
      const subjectStore = await opened(subject);
      const { positions, streams: log } = subjectStore.store;
      const expiresAt = (await apply(log)).committedAt + 10 * minuteMs;
      await apply(
        log,
        record("user:a", { expiresAt }),
        record("user:a"),
        record("user:a", { kind: 1, expiresAt }),
      );
      expect(await positions.unread("a")).toMatchObject({ total: 2 });
      await subjectStore.advance(11 * minuteMs);
      expect(await positions.unread("a")).toMatchObject({ total: 1 });
      await keepUp(log);
      expect(await positions.unread("a")).toMatchObject({ total: 1 });
    });

    test("topics come in order of their names, behind the user's own stream, 256 of them", async () => {
      const { store } = await opened(subject);
      const names = Array.from({ length: 256 }, (_, at) => `t${String(at).padStart(3, "0")}`);
      await Promise.all(names.map((one) => store.directory.putTopic(one, "key:k")));
      await Promise.all(names.map((one) => store.directory.subscribe(one, ["a"], 256)));
      await apply(store.streams, ...names.map((one) => record(topicStream(one))));
      const unread = await store.positions.unread("a");
      expect(unread.streams.map((one) => ownerOf(one.stream))).toEqual(["a", ...names]);
      expect(unread).toMatchObject({ total: 256, rev: 256 });
    });
  });
}
