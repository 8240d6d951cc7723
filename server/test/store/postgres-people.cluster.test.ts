/** What the exam can't bring about: calls that stop in the middle, and parts that leave a server meanwhile. */
import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import { expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { records } from "../../src/store/conformance/suite.ts";
import { makeDirectory } from "../../src/store/postgres/directory.ts";
import { makeErasing } from "../../src/store/postgres/erasing.ts";
import { unavailable } from "../../src/store/postgres/failure.ts";
import { foundStore } from "../../src/store/postgres/found.ts";
import { migrate } from "../../src/store/postgres/migrate.ts";
import { makePositions } from "../../src/store/postgres/positions.ts";
import { makeShard, type Shard } from "../../src/store/postgres/shard.ts";
import { makeShards } from "../../src/store/postgres/shards.ts";
import { makeStreams } from "../../src/store/postgres/streams.ts";
import { makeDatabases } from "./postgres-stage.ts";

const dayMs = 86_400_000;

/** Two servers, and what happens before a statement is sent to one of them. */
async function opened() {
  const made = await makeDatabases(2);
  let before = async (_server: number, _text: string): Promise<void> => {};
  const servers = made.urls.map((url) =>
    makeShard({ url, clock: systemClock, timeoutMs: 5_000, connections: 8, queuedCalls: 100 }),
  );
  onTestFinished(async () => {
    await Promise.all(servers.map((shard) => shard.stop()));
    await made.remove();
  });
  for (const shard of servers) await migrate(shard);
  const founded = await foundStore(servers, 128);
  const watched = founded.shards.map(
    (shard, server): Shard => ({
      ...shard,
      async query(text, values, options) {
        await before(server, text);
        return shard.query(text, values, options);
      },
      async transaction(work, options) {
        await before(server, "BEGIN");
        return shard.transaction(work, options);
      },
    }),
  );
  const shards = await makeShards(watched, founded.parts);
  const on = (server: number, streamOf: (name: string) => StreamName): string => {
    for (let at = 0; ; at++) if (shards.of(streamOf(`n${at}`)) === watched[server]) return `n${at}`;
  };
  const people = async () => {
    const known = await makeShards(watched, founded.parts);
    return { directory: makeDirectory(known), positions: makePositions(known) };
  };
  return {
    shards,
    ...(await people()),
    /** Somebody who knows where the parts are now. */
    people,
    streams: makeStreams(shards, dayMs, systemClock, makeErasing(shards, founded.parts)),
    topic: on(0, topicStream),
    near: on(0, userStream),
    far: on(1, userStream),
    sql: (server: number, text: string, values: readonly unknown[] = []) =>
      founded.shards[server]!.query<Record<string, unknown>>(text, values),
    /** Once, before the next statement of this kind; it goes on when `work` has ended. */
    pause(server: number, kind: string, work: () => Promise<unknown>): void {
      const usual = before;
      before = async (at, text) => {
        if (at !== server || !text.includes(kind)) return usual(at, text);
        before = usual;
        await work();
      };
    },
  };
}

test("a topic that was deleted since it was looked up isn't subscribed to", async () => {
  const { directory, topic, near, far, pause, sql } = await opened();
  await directory.putTopic(topic, "key:k");
  pause(1, "carillon_subscribe", () => directory.deleteTopic(topic));
  expect(await directory.subscribe(topic, [far], 256)).toBeNull();
  pause(0, "carillon_subscribe", () => directory.deleteTopic(topic));
  expect(await directory.subscribe(topic, [near], 256)).toBeNull();
  for (const server of [0, 1]) expect(await sql(server, "SELECT FROM subscriptions")).toEqual([]);
});

test("a topic that was made again since it was looked up is subscribed to from its new beginning", async () => {
  const { directory, streams, topic, near, far, pause } = await opened();
  await directory.putTopic(topic, "key:k");
  pause(1, "carillon_subscribe", async () => {
    await streams.apply({
      part: 0,
      progress: null,
      records: records(topicStream(topic), 3),
      rejected: [],
    });
    await directory.deleteTopic(topic);
    await directory.putTopic(topic, "key:k");
  });
  expect(await directory.subscribe(topic, [near, far], 256)).toMatchObject({ full: [] });
  expect(await directory.subscriptions(far)).toEqual([{ topic, since: 3 }]);
  expect(await directory.subscriptions(near)).toEqual([{ topic, since: 3 }]);
  expect(await directory.getTopic(topic)).toMatchObject({ subscribers: 2 });
});

test("a deletion that failed in the middle is ended by the next, or by who makes the topic", async () => {
  const { directory, streams, topic, near, far, pause } = await opened();
  const breaks = () => pause(1, "BEGIN", () => Promise.reject(unavailable("away")));
  const deleteInVain = async (): Promise<void> => {
    await directory.subscribe(topic, [near, far], 256);
    breaks();
    await expect(directory.deleteTopic(topic)).rejects.toMatchObject({ code: "unavailable" });
    expect(await directory.getTopic(topic)).not.toBeNull();
    expect(await directory.subscribe(topic, [near], 256)).toBeNull();
    expect(
      (
        await streams.apply({
          part: 0,
          progress: null,
          records: records(topicStream(topic), 1),
          rejected: [],
        })
      ).outcomes,
    ).toEqual([{ status: "closed" }]);
  };
  expect(await directory.putTopic(topic, "key:k")).toEqual({ created: true });
  await deleteInVain();
  const touched = await directory.deleteTopic(topic);
  expect(touched!.changed.map(({ stream }) => stream).toSorted()).toEqual(
    [topicStream(topic), userStream(far)].toSorted(),
  );
  expect(await directory.getTopic(topic)).toBeNull();

  await directory.putTopic(topic, "key:k");
  await deleteInVain();
  expect(await directory.putTopic(topic, "key:other")).toEqual({ created: true });
  expect(await directory.getTopic(topic)).toMatchObject({ owner: "key:other", subscribers: 0 });
  for (const user of [near, far]) expect(await directory.subscriptions(user)).toEqual([]);
});

test("invariant 7: what comes between the two servers has a newer rev than the one told", async () => {
  const { directory, positions, streams, topic, far, pause } = await opened();
  await directory.putTopic(topic, "key:k");
  await directory.subscribe(topic, [far], 256);
  const publish = () =>
    streams.apply({ part: 0, progress: null, records: records(topicStream(topic), 2), rejected: [] });
  await publish();
  pause(0, "carillon_counts", async () => {
    await publish();
    await positions.mark(far, "read", { stream: topicStream(topic), upTo: 1 });
  });
  const unread = await positions.unread(far);
  expect(unread.streams[1]).toMatchObject({ count: 4, unseen: 4, head: 4, read: { upTo: 0 } });
  const now = await positions.unread(far);
  expect(now.rev).toBe(unread.rev + 1);
  expect(now.streams[1]).toMatchObject({ count: 3, unseen: 3, head: 4, read: { upTo: 1 } });
});

test("invariant 7: a mark that another process changed meanwhile is decided again", async () => {
  const { positions, people, streams, directory, topic, far, pause } = await opened();
  const { positions: other } = await people();
  await directory.putTopic(topic, "key:k");
  await directory.subscribe(topic, [far], 256);
  for (const stream of [userStream(far), topicStream(topic)]) {
    await streams.apply({ part: 0, progress: null, records: records(stream, 9), rejected: [] });
  }
  const { rev } = await positions.unread(far);
  for (const [at, stream] of [userStream(far), topicStream(topic)].entries()) {
    const single = (by: typeof positions, ...seqs: number[]) =>
      by.mark(far, "read", { stream, seqs, undo: false });
    // Once when there is none yet, once when there is one.
    pause(1, "INTO marks", () => single(other, 2, 6));
    expect(await single(positions, 4)).toEqual({
      mark: { upTo: 0, except: [2, 4, 6] },
      rev: rev + 4 * at + 2,
    });
    pause(1, "INTO marks", () => other.mark(far, "read", { stream, upTo: 4 }));
    expect(await single(positions, 8)).toEqual({ mark: { upTo: 4, except: [6, 8] }, rev: rev + 4 * at + 4 });
  }
  pause(1, "INTO marks", () => other.mark(far, "read", { all: true }));
  expect(await positions.mark(far, "read", { all: true })).toEqual({ mark: null, rev: rev + 9 });
  expect(await positions.unread(far)).toMatchObject({ total: 0, rev: rev + 9 });
});

test("invariant 7: marks that several processes set at the same time are all there, and none waits for ever", async () => {
  const { positions, people, streams, far } = await opened();
  const stream = userStream(far);
  await streams.apply({ part: 0, progress: null, records: records(stream, 300), rejected: [] });
  const others = [positions, (await people()).positions, (await people()).positions];
  const seqs = Array.from({ length: 90 }, (_, at) => 3 * at + 2);
  await Promise.all(
    seqs.map(async (seq, at) => {
      await others[at % 3]!.mark(far, "read", { stream, seqs: [seq], undo: false });
      await others[(at + 1) % 3]!.mark(far, "archive", { stream, seqs: [seq, seq + 1], undo: at % 2 === 0 });
    }),
  );
  const [own] = (await positions.unread(far)).streams;
  expect(own!.read).toEqual({ upTo: 0, except: seqs });
  const archived = seqs.filter((_, at) => at % 2 === 1).flatMap((seq) => [seq, seq + 1]);
  expect(own!.archive).toEqual({ upTo: 0, except: archived });
});

const part = (shards: { partOf(stream: StreamName): number }, user: string): number =>
  shards.partOf(userStream(user));

test("what was asked of a server that a part has left isn't answered by it", async () => {
  const { directory, people, topic, far, shards, sql } = await opened();
  const stream = userStream(far);
  await directory.putTopic(topic, "key:k");
  await directory.subscribe(topic, [far], 256);
  const is = (state: string) =>
    sql(1, "UPDATE parts SET state = $1 WHERE part = $2", [state, part(shards, far)]);
  const calls: readonly ((by: Awaited<ReturnType<typeof people>>) => Promise<unknown>)[] = [
    ({ positions }) => positions.unread(far),
    ({ positions }) => positions.mark(far, "read", { stream, upTo: 1 }),
    ({ positions }) => positions.mark(far, "archive", { stream: topicStream(topic), seqs: [1], undo: true }),
    ({ positions }) => positions.mark(far, "seen", { all: true }),
    ({ positions }) => positions.findDevice(far, "d"),
    ({ positions }) => positions.saveDevices([{ user: far, device: "d", cursor: "c" }]),
    ({ positions }) => positions.acknowledge([{ user: far, stream, upTo: 1 }]),
    ({ positions }) => positions.acknowledge([{ user: far, stream: topicStream(topic), upTo: 1 }]),
    ({ positions }) => positions.receipts(stream, 1, 1),
    ({ directory: some }) => some.subscriptions(far),
    ({ directory: some }) => some.subscribe(topic, [far], 256),
    ({ directory: some }) => some.unsubscribe(topic, far),
    ({ directory: some }) => some.unsubscribe("nowhere", far),
  ];
  const askLate = async (): Promise<void> => {
    for (const call of calls) {
      await is("here");
      const late = await people();
      await is("gone");
      await expect(call(late)).rejects.toMatchObject({ code: "unavailable" });
    }
  };
  await askLate();
  expect(await directory.subscribers(topic, "", 10)).toEqual({ items: [], next: null });
  await is("here");
  expect(await directory.subscriptions(far)).toEqual([{ topic, since: 0 }]);
  await sql(1, "DELETE FROM streams WHERE name = $1", [stream]);
  await askLate();
});

test("a deletion isn't ended before it has seen all parts", async () => {
  const { directory, topic, far, shards, sql } = await opened();
  await directory.putTopic(topic, "key:k");
  await directory.subscribe(topic, [far], 256);
  await sql(1, "UPDATE parts SET state = 'gone' WHERE part = $1", [part(shards, far)]);
  await expect(directory.deleteTopic(topic)).rejects.toMatchObject({ code: "unavailable" });
  await sql(1, "UPDATE parts SET state = 'here' WHERE part = $1", [part(shards, far)]);
  expect(await directory.subscriptions(far)).toEqual([{ topic, since: 0 }]);
  expect(await directory.deleteTopic(topic)).not.toBeNull();
  expect(await directory.subscriptions(far)).toEqual([]);
});

test("while a part is being moved it is read and not written, and no topic is deleted", async () => {
  const { directory, positions, streams, topic, near, far, shards, sql } = await opened();
  await directory.putTopic(topic, "key:k");
  await directory.subscribe(topic, [far], 256);
  const rows = records(userStream(far), 2);
  await streams.apply({ part: 0, progress: null, records: rows, rejected: [] });
  await sql(1, "UPDATE parts SET state = 'frozen' WHERE part = $1", [part(shards, far)]);
  for (const call of [
    () => positions.mark(far, "read", { stream: userStream(far), upTo: 1 }),
    () => positions.mark(far, "seen", { all: true }),
    () => positions.saveDevices([{ user: far, device: "d", cursor: "c" }]),
    () => directory.subscribe(topic, [far], 256),
    () => directory.unsubscribe(topic, far),
    () => directory.deleteTopic(topic),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: "unavailable" });
  }
  expect(await positions.unread(far)).toMatchObject({ streams: [{}, { stream: topicStream(topic) }] });
  expect(await directory.subscriptions(far)).toHaveLength(1);
  expect((await directory.subscribers(topic, "", 10)).items).toHaveLength(1);
  await sql(1, "UPDATE parts SET state = 'here' WHERE part = $1", [part(shards, far)]);
  expect(await directory.deleteTopic(topic)).not.toBeNull();
  expect(await directory.subscribe(topic, [near], 256)).toBeNull();
});
