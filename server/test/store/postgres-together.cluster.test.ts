import { randomBytes } from "node:crypto";
import { partOf } from "@carillon/protocol/partition";
import { type StreamName, userStream } from "@carillon/protocol/stream";
import { expect, test } from "vitest";
import { apply, opened, record } from "../../src/store/conformance/suite.ts";
import { postgresStore } from "./postgres-stage.ts";

const parts = 128;
const subject = postgresStore(1);

/** One user's stream in each of so many parts. */
function streamsOfParts(count: number): readonly { readonly part: number; readonly stream: StreamName }[] {
  const found = new Map<number, StreamName>();
  for (let at = 0; found.size < count; at++) {
    const stream = userStream(`p${at}`);
    const part = partOf(stream, parts);
    if (!found.has(part)) found.set(part, stream);
  }
  return Array.from(found, ([part, stream]) => ({ part, stream }));
}

const move = (from: number, to: number) => ({ from: String(from), to: String(to) });

test("invariant 12: of parts that are written to together each is held or not by itself", async () => {
  const { store } = await opened(subject);
  const { streams } = store;
  const some = streamsOfParts(40);
  const write = (from: number, to: number) =>
    Promise.all(
      some.map(({ part, stream }) =>
        streams.apply({
          part,
          progress: move(from, to),
          records: Array.from({ length: to - from }, () => record(stream)),
          rejected: part % 2 === 0 ? [{ reason: "no JSON", record: "{", offset: String(from) }] : [],
        }),
      ),
    );
  const first = await write(0, 3);
  expect(first.every(({ owned, outcomes }) => owned && outcomes.length === 3)).toBe(true);

  // Every third part is moved on by another director before the next batches come.
  const moved = some.filter((_, at) => at % 3 === 0);
  for (const { part, stream } of moved) {
    await streams.apply({ part, progress: move(3, 4), records: [record(stream)], rejected: [] });
  }
  const second = await write(3, 5);
  second.forEach(({ owned, outcomes }, at) => {
    const lost = at % 3 === 0;
    expect(owned).toBe(!lost);
    expect(outcomes).toEqual(
      lost
        ? []
        : [
            { status: "stored", seq: 4 },
            { status: "stored", seq: 5 },
          ],
    );
  });
  const { heads } = await streams.heads(some.map(({ stream }) => stream));
  expect(heads.map(({ head }) => head)).toEqual(some.map((_, at) => (at % 3 === 0 ? 4 : 5)));
  for (const [at, { part }] of some.entries()) {
    expect(await streams.progress(part)).toBe(at % 3 === 0 ? "4" : "5");
  }
});

test("what the server refuses of one part doesn't hold up those that came with it", async () => {
  const { store } = await opened(subject);
  const { streams } = store;
  const some = streamsOfParts(20);
  const answers = await Promise.all(
    some.map(({ part, stream }, at) =>
      streams.apply({
        part,
        progress: move(0, 2),
        records: [record(stream), record(stream, at === 7 ? { body: "\0" } : {})],
        rejected: [],
      }),
    ),
  );
  answers.forEach(({ owned, outcomes }, at) => {
    expect(owned).toBe(true);
    expect(outcomes.map(({ status }) => status)).toEqual(["stored", at === 7 ? "rejected" : "stored"]);
  });
});

test("what is too large for an index is set aside like any other value, and its part goes on", async () => {
  const { store } = await opened(subject);
  const { streams } = store;
  const [{ part, stream }] = streamsOfParts(1) as [{ part: number; stream: StreamName }];
  const some = [record(stream), record(stream, { collapseKey: randomBytes(4_000).toString("hex") })];
  const { outcomes } = await streams.apply({ part, progress: move(0, 2), records: some, rejected: [] });
  expect(outcomes).toEqual([{ status: "stored", seq: 1 }, { status: "rejected" }]);
  expect(await streams.progress(part)).toBe("2");
});

test("writers who meet at streams that nobody has written to wait for each other and end", async () => {
  const { store } = await opened(subject);
  const { streams } = store;
  for (let round = 0; round < 10; round++) {
    const names = Array.from({ length: 120 }, (_, at) => userStream(`r${round}-${at}`));
    const shuffled = (): StreamName[] => names.toSorted(() => Math.random() - 0.5);
    // Some are there already, so that there is something to lock and something to make.
    await apply(streams, ...names.slice(0, 40).map((name) => record(name)));
    await Promise.all(
      Array.from({ length: 8 }, () => apply(streams, ...shuffled().map((name) => record(name)))),
    );
    const { heads } = await streams.heads(names);
    expect(heads.map(({ head }) => head)).toEqual(names.map((_, at) => (at < 40 ? 9 : 8)));
  }
});
