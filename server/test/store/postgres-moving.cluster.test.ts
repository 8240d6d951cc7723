import { partOf } from "@carillon/protocol/partition";
import type { StreamName } from "@carillon/protocol/stream";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { Failure } from "../../src/errors.ts";
import { batchOf, record, records } from "../../src/store/conformance/suite.ts";
import type { Policy } from "../../src/store/directory.ts";
import type { MoveProgress } from "../../src/store/postgres/moving/move.ts";
import { openServers } from "../../src/store/postgres/moving/servers.ts";
import { openPostgres } from "../../src/store/postgres/open.ts";
import type { StoreBackend } from "../../src/store/store.ts";
import type { Batch, Outcome } from "../../src/store/streams.ts";
import { makeDatabases } from "./postgres-stage.ts";

const parts = 8;
const never = new AbortController().signal;

async function stage() {
  const { urls, remove } = await makeDatabases(2);
  const opened: { stop(): Promise<void> }[] = [];
  onTestFinished(async () => {
    for (const one of opened) await one.stop();
    await remove();
  });
  const keep = <T extends { stop(): Promise<void> }>(one: T): T => {
    opened.push(one);
    return one;
  };
  const open = async (of: readonly string[]): Promise<StoreBackend> =>
    keep(await openPostgres({ urls: of, identityWindowMs: 86_400_000, parts, clock: systemClock }));
  // It begins on one server; the second is added when there is something to move.
  const [first] = urls as [string, string];
  await (await open([first])).stop();
  const servers = keep(await openServers(urls, 4, parts, systemClock));
  return { store: await open(urls), other: await open(urls), servers, open: () => open(urls) };
}

const policy: Policy = { subscribe: "open", publish: "subscribers", active: false, keepMs: 60_000 };
const users = Array.from({ length: 40 }, (_, at) => `u${at}`);
const streams = users.map((user): StreamName => `user:${user}`);

/** As a director does: until it is known. */
async function persist<T>(call: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (!(error instanceof Failure) || error.code !== "unavailable") throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Writes to one part, batch by batch, with progress; what it was told is what must be there. */
async function write({ streams: port }: StoreBackend, part: number, until: () => boolean) {
  const mine = streams.filter((stream) => partOf(stream, parts) === part);
  const told = new Map<StreamName, number[]>(mine.map((stream) => [stream, []]));
  if (mine.length === 0) return told;
  for (let from = 0; !until(); from++) {
    const records = mine.flatMap((stream) => [record(stream, { body: `{"n":${from}}` })]);
    const progress = { from: String(from), to: String(from + 1) };
    const batch: Batch = { ...batchOf(records, progress), part };
    let outcomes: readonly Outcome[] | undefined;
    await persist(async () => {
      if ((await port.progress(part)) === progress.to) return;
      outcomes = (await port.apply(batch)).outcomes;
    });
    outcomes?.forEach((outcome, at) => {
      if (outcome.status === "stored") told.get(records[at]!.stream)!.push(outcome.seq);
    });
  }
  return told;
}

describe("moving parts between PostgreSQL servers", () => {
  test("invariants 3, 5 and 12: under traffic, from processes that don't know yet, nothing is lost or numbered twice", async () => {
    const { store, other, servers } = await stage();
    await store.directory.putTopic("news", "key:first", policy);
    await store.directory.subscribe("news", users, 256);
    for (const user of users) await store.grants.grant("news", user, 1_000);
    await store.streams.apply(batchOf(streams.map((stream) => record(stream, { receipt: true }))));
    const before = new Map(
      await Promise.all(users.map(async (user) => [user, await store.positions.unread(user)] as const)),
    );

    let done = false;
    const writers = Array.from({ length: parts }, (_, part) =>
      write(part % 2 ? store : other, part, () => done),
    );
    const steps: MoveProgress["step"][] = [];
    for (const { part, to } of await servers.spread()) {
      await servers.move(part, to, never, ({ step }) => steps.push(step));
    }
    expect([...(await servers.holders()).values()].filter((server) => server === 1)).toHaveLength(parts / 2);
    for (const part of [0, 1, partOf("topic:news", parts)]) await servers.move(part, 1, never, () => {});
    for (const part of [0, 7]) await servers.move(part, 0, never, () => {});
    await persist(() => store.positions.mark("u1", "read", { stream: "user:u1", upTo: 1 }));
    done = true;
    const told = (await Promise.all(writers)).flatMap((one) => [...one]);
    expect(steps.filter((step) => step === "done")).toHaveLength(parts / 2);

    for (const [stream, seqs] of told) {
      const { rows, head } = await persist(() => other.streams.read(stream, 0, 256));
      const known = rows.map(({ seq }) => seq);
      expect(known).toEqual(Array.from({ length: Math.min(head, 256) }, (_, at) => at + 1));
      const bodies = rows.slice(1).map(({ body }) => body);
      expect(bodies).toEqual(bodies.map((_, at) => `{"n":${at}}`));
      expect(seqs.at(-1) ?? head).toBe(head);
    }
    for (const user of users) {
      const unread = await persist(() => store.positions.unread(user));
      const own = unread.streams[0]!;
      expect(own.count).toBe(own.head - own.read.upTo);
      expect(unread.streams.map(({ stream }) => stream)).toEqual(
        before.get(user)!.streams.map(({ stream }) => stream),
      );
    }
    expect(await store.directory.getTopic("news")).toMatchObject({ subscribers: users.length, ...policy });
    expect((await store.grants.listGrants("news", "", 1_000)).items.map(({ user }) => user)).toEqual(
      users.toSorted(),
    );
    expect((await persist(() => store.positions.unread("u1"))).streams[0]!.read.upTo).toBe(1);
  });

  test("invariant 7: what users have marked goes with them, and marks of a topic hold wherever it is", async () => {
    const { store, other, servers } = await stage();
    const marked = users.slice(0, 12);
    await store.directory.putTopic("news", "key:first");
    await store.directory.subscribe("news", marked, 256);
    const names = [...marked.map((user): StreamName => `user:${user}`), "topic:news" as const];
    await store.streams.apply(batchOf(names.flatMap((stream) => records(stream, 9))));
    const singles = async (by: StoreBackend, seqs: readonly number[], undo: boolean): Promise<void> => {
      for (const user of marked) {
        for (const stream of [`user:${user}`, "topic:news"] as const) {
          await persist(() => by.positions.mark(user, "read", { stream, seqs, undo }));
          await persist(() => by.positions.mark(user, "archive", { stream, upTo: 2 }));
        }
        await persist(() => by.positions.mark(user, "seen", { stream: `user:${user}`, upTo: 5 }));
      }
    };
    const look = () => Promise.all(marked.map((user) => persist(() => store.positions.unread(user))));
    await singles(store, [3, 5, 9], false);
    const before = await look();
    expect(before[0]).toMatchObject({
      total: 8,
      unseen: 7,
      streams: [{ count: 4, unseen: 3 }, { count: 4 }],
    });
    for (let part = 0; part < parts; part++) await servers.move(part, 1, never, () => {});
    expect(await look()).toEqual(before);
    for (let part = 0; part < parts; part += 2) await servers.move(part, 0, never, () => {});
    expect(await look()).toEqual(before);
    await singles(other, [4, 8], false);
    await singles(store, [3], true);
    for (const { total, unseen, streams: some } of await look()) {
      expect({ total, unseen }).toEqual({ total: 6, unseen: 5 });
      for (const one of some) {
        expect(one).toMatchObject({
          read: { upTo: 0, except: [4, 5, 8, 9] },
          archive: { upTo: 2, except: [] },
        });
      }
    }
  });

  test("what was killed on the way is taken up by the same call", async () => {
    const { store, servers } = await stage();
    await store.streams.apply(batchOf(streams.map((stream) => record(stream))));
    const part = partOf(streams[0]!, parts);
    const killed = new Error("killed");
    for (const when of ["copying", "frozen", "handed-over"] as const) {
      const move = servers.move(part, 1, never, ({ step }) => {
        if (step === when) throw killed;
      });
      await expect(move).rejects.toBe(killed);
      const apply = store.streams.apply(batchOf([record(streams[0]!)]));
      if (when === "frozen") await expect(apply).rejects.toMatchObject({ code: "unavailable" });
      else expect((await apply).outcomes[0]).toMatchObject({ status: "stored" });
      expect((await store.streams.read(streams[0]!, 0, 10)).rows[0]).toMatchObject({ seq: 1 });
    }
    expect(await servers.move(part, 1, never, () => {})).toBe("there");
    const { head } = await persist(() => store.streams.read(streams[0]!, 0, 10));
    expect(head).toBe(3);
    expect(await servers.move(part, 0, never, () => {})).toBe("moved");
    expect((await store.streams.read(streams[0]!, 0, 10)).rows).toHaveLength(3);
  });

  test("one that is told to stop leaves the part where it was", async () => {
    const { store, servers } = await stage();
    await store.streams.apply(batchOf(streams.map((stream) => record(stream))));
    const stop = new AbortController();
    stop.abort();
    await expect(servers.move(0, 1, stop.signal, () => {})).rejects.toMatchObject({ code: "stopped" });
    expect((await servers.holders()).get(0)).toBe(0);
    const one = streams.find((stream) => partOf(stream, parts) === 0)!;
    expect((await store.streams.apply(batchOf([record(one)]))).outcomes[0]).toEqual({
      status: "stored",
      seq: 2,
    });
  });
});

test("states and erasures go along with their users' part; an erasure begun before it moved ends behind it", async () => {
  const { store, other, servers } = await stage();
  await store.directory.putTopic("t", "key:k");
  for (const [at, user] of users.entries()) {
    await store.people.putState(user, `{"n":${at}}`, 0);
    await store.streams.apply(batchOf([record(`user:${user}`), record(`user:${user}`)]));
  }
  const sent = (user: string) => `{"specversion":"1.0","id":"x","source":"/users/${user}","type":"t"}`;
  await store.streams.apply(
    batchOf(users.slice(0, 4).map((user) => record("topic:t", { body: sent(user) }))),
  );
  const [done, begun] = [users.slice(0, 2), users.slice(2, 4)];
  for (const user of done) await store.people.beginErasing(user, null);
  while (!(await store.people.continueErasing(100)).done);
  for (const user of begun) await store.people.beginErasing(user, null);
  for (let part = 0; part < parts; part++) await servers.move(part, 1, never, () => {});
  while (!(await other.people.continueErasing(100)).done);
  for (const [at, user] of users.entries()) {
    const isErased = at < 4;
    expect(await other.people.state(user)).toEqual(
      isErased ? { version: 0, state: "{}" } : { version: 1, state: `{"n":${at}}` },
    );
    const { outcomes } = await other.streams.apply(batchOf([record(`user:${user}`)]));
    expect(outcomes).toEqual([{ status: "stored", seq: 3 }]);
    expect((await other.streams.read(`user:${user}`, 0, 10)).first).toBe(isErased ? 3 : 1);
  }
  expect((await other.streams.read("topic:t", 0, 10)).rows.map(({ kind }) => kind)).toEqual([2, 2, 2, 2]);
});
