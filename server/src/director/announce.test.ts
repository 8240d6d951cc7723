import type { StreamName } from "@carillon/protocol/stream";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LogRecord } from "../log/driver.ts";
import type { Outcome } from "../store/streams.ts";
import { announce, announceLimits } from "./announce.ts";
import { route } from "./route.ts";

const record = (stream: StreamName, more: Partial<LogRecord> = {}): LogRecord => ({
  stream,
  key: "k".repeat(22),
  digest: "d".repeat(22),
  silent: false,
  collapseKey: null,
  expiresAt: null,
  receipt: false,
  acceptedAt: 5,
  body: "{}",
  ...more,
});
const stored = (seq: number): Outcome => ({ status: "stored", seq });

const committedAt = 7;
const announced = (records: readonly LogRecord[], outcomes: readonly Outcome[]) =>
  announce(records, outcomes, committedAt);

describe("announce", () => {
  test("rows that were stored, and nothing else, one message a stream", () => {
    const records = [
      record("user:a", { body: '{"n":1}', acceptedAt: 3 }),
      record("topic:b", { silent: true, expiresAt: 9, receipt: true }),
      record("user:a"),
      record("user:c"),
      record("user:d"),
      record("user:a", { body: '{"n":2}' }),
    ];
    const outcomes: Outcome[] = [
      stored(4),
      stored(1),
      { status: "duplicate", seq: 4 },
      { status: "conflict", seq: 7 },
      { status: "closed" },
      stored(5),
    ];
    expect(announced(records, outcomes)).toEqual([
      {
        type: "rows",
        stream: "user:a",
        acceptedAt: 3,
        committedAt,
        rows: [
          { seq: 4, kind: 0, expiresAt: null, receipt: false, body: '{"n":1}' },
          { seq: 5, kind: 0, expiresAt: null, receipt: false, body: '{"n":2}' },
        ],
      },
      {
        type: "rows",
        stream: "topic:b",
        acceptedAt: 5,
        committedAt,
        rows: [{ seq: 1, kind: 1, expiresAt: 9, receipt: true, body: "{}" }],
      },
    ]);
  });

  test("a collapsed predecessor is a tombstone in the same message, as it is in the store", () => {
    const build = { collapseKey: "build" };
    const records = [
      record("user:a", build),
      record("user:b", build),
      record("user:a", { collapseKey: "other" }),
      record("user:a", build),
      record("user:a", build),
    ];
    const [a, b] = announced(records, [stored(1), stored(1), stored(2), stored(3), stored(4)]);
    expect(a?.type === "rows" && a.rows.map(({ seq, kind, body }) => [seq, kind, body])).toEqual([
      [1, 2, null],
      [2, 0, "{}"],
      [3, 2, null],
      [4, 0, "{}"],
    ]);
    expect(b?.type === "rows" && b.rows.map(({ kind }) => kind)).toEqual([0]);
  });

  test("more rows than a message carries: the head alone", () => {
    const seqs = Array.from({ length: announceLimits.rows + 1 }, (_, at) => at + 1);
    const some = seqs.slice(0, announceLimits.rows);
    expect(
      announced(
        some.map(() => record("user:a")),
        some.map(stored),
      )[0],
    ).toMatchObject({ type: "rows" });
    expect(
      announced(
        seqs.map(() => record("user:a")),
        seqs.map(stored),
      ),
    ).toEqual([{ type: "head", stream: "user:a", head: 257 }]);
  });

  test("more bytes than a message carries: the head alone", () => {
    const large = record("user:a", { body: JSON.stringify("é".repeat(30_000)) });
    const seqs = [1, 2, 3, 4, 5];
    expect(
      announced(
        seqs.map(() => large),
        seqs.map(stored),
      ),
    ).toEqual([{ type: "head", stream: "user:a", head: 5 }]);
    expect(announced([large], [stored(1)])[0]).toMatchObject({ type: "rows" });
  });

  test("invariant 3: whatever the outcomes, each stream's message ends at its newest seq and has no hole", () => {
    const item = fc.record({
      stream: fc.constantFrom<StreamName>("user:a", "user:b", "topic:a"),
      collapseKey: fc.constantFrom(null, null, "x", "y"),
      status: fc.constantFrom("stored", "stored", "duplicate", "closed"),
    });
    fc.assert(
      fc.property(fc.array(item, { maxLength: 600 }), (items) => {
        const heads = new Map<StreamName, number>();
        const outcomes = items.map(({ stream, status }): Outcome => {
          if (status === "closed") return { status };
          const head = heads.get(stream) ?? 0;
          if (status === "duplicate") return { status, seq: head };
          heads.set(stream, head + 1);
          return stored(head + 1);
        });
        const messages = announced(
          items.map(({ stream, collapseKey }) => record(stream, { collapseKey })),
          outcomes,
        );
        expect(new Set(messages.map(({ stream }) => stream))).toEqual(new Set(heads.keys()));
        for (const message of messages) {
          const head = heads.get(message.stream)!;
          if (message.type === "head") {
            expect(message.head).toBe(head);
            expect(head).toBeGreaterThan(announceLimits.rows);
          } else if (message.type === "rows") {
            expect(message.rows.map(({ seq }) => seq)).toEqual(
              Array.from({ length: head }, (_, at) => at + 1),
            );
          }
        }
      }),
    );
  });
});

describe("route", () => {
  test("invariant 12: the store's batch is a pure function of the log's", () => {
    const batch = {
      part: 3,
      progress: { from: "7", to: "9" },
      records: [record("user:a", { silent: true }), record("topic:b", { collapseKey: "c", expiresAt: 1 })],
      rejected: [{ reason: "not JSON", record: "{", offset: "8" }],
    };
    const { silent: _, ...second } = batch.records[1]!;
    expect(route(batch)).toEqual(route(structuredClone(batch)));
    expect(route(batch)).toMatchObject({ part: 3, progress: batch.progress, rejected: batch.rejected });
    expect(route(batch).records[0]).toMatchObject({ stream: "user:a", kind: 1 });
    expect(route(batch).records[1]).toEqual({ ...second, kind: 0 });
  });
});
