import { partOf } from "@carillon/protocol/partition";
import { describe, expect, test } from "vitest";
import type { StoreBackend } from "../store.ts";
import type { Batch, StreamRecord } from "../streams.ts";
import { apply, headOf, inPart, keepUp, opened, record, records, type StoreUnderTest } from "./suite.ts";

const sentBy = (user: string, n: number): string =>
  JSON.stringify({ specversion: "1.0", id: `"${n}\\`, source: `/users/${user}`, type: "t", data: "mine" });

async function erase({ people }: StoreBackend, user: string, topicsTo: string | null = null, limit = 1_000) {
  const { at } = await people.beginErasing(user, topicsTo);
  const withdrawn = [];
  const changed = [];
  for (;;) {
    const step = await people.continueErasing(limit);
    withdrawn.push(...step.withdrawn);
    changed.push(...step.changed);
    if (step.done) return { at, withdrawn, changed };
  }
}

/** Everything that the ports say of a user. */
async function traces({ streams, directory, grants, positions, people, access }: StoreBackend, user: string) {
  const own = await streams.read(`user:${user}`, 0, 256);
  const topics = (await directory.listTopics("", 1_000)).items.map(({ topic }) => topic);
  const followers = await Promise.all(topics.map((topic) => directory.subscribers(topic, "", 1_000)));
  const granted = await Promise.all(topics.map((topic) => grants.findGrant(topic, user)));
  return {
    rows: own.rows.length,
    subscriptions: await directory.subscriptions(user),
    follows: followers.flatMap(({ items }) => items).filter((one) => one.user === user),
    granted: granted.filter((grant) => grant !== null),
    owns: (await directory.listTopics("", 1_000, `user:${user}`)).items,
    device: await positions.findDevice(user, "phone"),
    state: await people.state(user),
    unread: (await positions.unread(user)).total,
    marks: (await positions.unread(user)).streams.map(({ read, archive }) => [read.except, archive.upTo]),
    revocations: await access.revocationsOf(user),
  };
}

const nothing = {
  rows: 0,
  subscriptions: [],
  follows: [],
  granted: [],
  owns: [],
  device: null,
  state: { version: 0, state: "{}" },
  unread: 0,
  marks: [[[], 0]],
  revocations: [],
};

/** A user with something of everything, and another who has the same. */
async function populate({
  streams,
  directory,
  grants,
  positions,
  people,
  access,
}: StoreBackend): Promise<void> {
  await directory.putTopic("t", "key:k");
  for (const user of ["a", "b"]) {
    await directory.putTopic(`of-${user}`, `user:${user}`);
    await directory.subscribe("t", [user], 256);
    await directory.subscribe(`of-${user}`, ["a", "b"], 256);
    await grants.grant("t", user, 10);
    await apply(streams, ...records(`user:${user}`, 5), record(`user:${user}`, { receipt: true }));
    await positions.mark(user, "read", { stream: `user:${user}`, seqs: [2, 4], undo: false });
    await positions.mark(user, "archive", { stream: `user:${user}`, upTo: 1 });
    await positions.saveDevices([{ user, device: "phone", cursor: "c" }]);
    await people.putState(user, `{"of":"${user}"}`, 0);
    const until = Date.now() + 86_400_000;
    await access.revoke({ user, tokenId: "t-1", issuedBefore: null, until }, { perUser: 9, total: 99 });
  }
  await apply(
    streams,
    record("topic:t", { receipt: true }),
    record("topic:t", { body: sentBy("a", 1) }),
    record("topic:t", { body: sentBy("b", 1) }),
    record("topic:t", {
      body: JSON.stringify({ specversion: "1.0", id: "x", source: "/s", data: JSON.parse(sentBy("a", 2)) }),
    }),
    record("user:b", { body: sentBy("a", 3) }),
  );
  for (const user of ["a", "b"]) {
    await positions.acknowledge([{ user, stream: "topic:t", upTo: 9 }]);
    await positions.acknowledge([{ user, stream: `user:${user}`, upTo: 9 }]);
  }
}

export function examineErasing(name: string, subject: StoreUnderTest): void {
  const { parts } = subject.capabilities;

  describe(`erasing on ${name}`, () => {
    test("all that is a user's goes, nothing of anybody else, after a restart too; and again", async () => {
      const subjectStore = await opened(subject);
      await populate(subjectStore.store);
      const other = await traces(subjectStore.store, "b");
      for (let time = 0; time < 2; time++) {
        await erase(subjectStore.store, "a");
        expect(await traces(subjectStore.store, "a")).toEqual(nothing);
      }
      await subjectStore.reopen();
      const { streams, directory, positions } = subjectStore.store;
      expect(await traces(subjectStore.store, "a")).toEqual(nothing);
      const left = await traces(subjectStore.store, "b");
      const gone = { subscription: "of-a", from: "user:b" };
      expect(left).toMatchObject({
        rows: other.rows,
        state: other.state,
        device: "c",
        revocations: other.revocations,
      });
      expect(left.owns.map(({ topic, subscribers }) => [topic, subscribers])).toEqual([["of-b", 1]]);
      expect(left.subscriptions).toEqual(
        other.subscriptions.filter(({ topic }) => topic !== gone.subscription),
      );
      expect(await directory.getTopic("of-a")).toBeNull();
      expect(await directory.getTopic("t")).toMatchObject({ subscribers: 1 });
      expect((await positions.receipts("topic:t", 1, 10)).users.map(({ user }) => user)).toEqual(["b"]);
      expect((await streams.read("user:b", 6, 10)).rows).toMatchObject([{ seq: 7, kind: 2, body: null }]);
    });

    test("what the user sent is taken back wherever it is, and told; what others sent that looks so is not", async () => {
      const { store } = await opened(subject);
      await populate(store);
      const { withdrawn, changed } = await erase(store, "a", null, 1);
      expect(withdrawn.map(({ stream, seq }) => `${stream} ${seq}`).sort()).toEqual([
        "topic:t 2",
        "user:b 7",
      ]);
      for (const { stream, rev } of withdrawn)
        expect((await headOf(store.streams, stream)).rev).toBeGreaterThanOrEqual(rev);
      expect(changed.map(({ stream }) => stream)).toContain("topic:of-a");
      const { rows } = await store.streams.read("topic:t", 0, 10);
      expect(rows.map(({ seq, kind }) => [seq, kind])).toEqual([
        [1, 0],
        [2, 2],
        [3, 0],
        [4, 0],
      ]);
    });

    test("topics may be handed over", async () => {
      const { store } = await opened(subject);
      await populate(store);
      await erase(store, "a", "key:heir");
      expect(await store.directory.getTopic("of-a")).toMatchObject({ owner: "key:heir", subscribers: 1 });
      expect(await traces(store, "a")).toEqual(nothing);
    });

    test("invariant 3: seqs and revs of what comes later go on, so that no old cursor passes anything over", async () => {
      const subjectStore = await opened(subject);
      await apply(subjectStore.store.streams, ...records("user:a", 3));
      await subjectStore.store.people.putState("a", "{}", 0);
      const before = await headOf(subjectStore.store.streams, "user:a");
      await erase(subjectStore.store, "a");
      await erase(subjectStore.store, "a");
      await subjectStore.reopen();
      const { streams, people } = subjectStore.store;
      const { outcomes } = await apply(streams, record("user:a"));
      expect(outcomes).toEqual([{ status: "stored", seq: 4 }]);
      expect(await streams.read("user:a", 1, 10)).toMatchObject({ first: 4, head: 4, rows: [{ seq: 4 }] });
      await people.putState("a", "{}", 0);
      expect((await headOf(streams, "user:a")).rev).toBeGreaterThan(before.rev);
      await erase(subjectStore.store, "a");
      expect((await apply(streams, record("user:a"))).outcomes).toEqual([{ status: "stored", seq: 5 }]);
    });

    test("an identity that was there is forgotten with the user", async () => {
      const { store } = await opened(subject);
      const one = record("user:a");
      await apply(store.streams, one);
      await erase(store, "a");
      expect(await store.streams.find("user:a", one.key)).toBeNull();
      expect((await apply(store.streams, one)).outcomes).toEqual([{ status: "stored", seq: 2 }]);
    });

    test("invariant 12: what was accepted before is stored no more, however often the log is read again", async () => {
      const subjectStore = await opened(subject);
      const { store } = subjectStore;
      const user = inPart(3, subject, "user:late");
      const part = partOf(user, parts);
      const batch = (from: number, some: readonly StreamRecord[]): Batch => ({
        part,
        progress: { from: String(from), to: String(from + some.length) },
        records: some,
        rejected: [],
      });
      const early = record(user, { acceptedAt: Date.now() - 60_000 });
      await store.streams.apply(batch(0, [early]));
      const { at } = await erase(store, user.slice(5));
      const underWay = record(user, { acceptedAt: at - 1 });
      const later = [record(user, { acceptedAt: at }), record(user, { acceptedAt: at + 1 })];
      const mixed = [underWay, later[0]!, early, later[1]!];
      const first = await store.streams.apply(batch(1, mixed));
      expect(first.outcomes).toEqual([
        { status: "closed" },
        { status: "stored", seq: 2 },
        { status: "closed" },
        { status: "stored", seq: 3 },
      ]);
      await subjectStore.reopen();
      const { streams, coordination } = subjectStore.store;
      await coordination.setProgress(part, "0");
      const again = await streams.apply(batch(0, [early, ...mixed]));
      expect(again.outcomes.map(({ status }) => status)).toEqual([
        "closed",
        "closed",
        "duplicate",
        "closed",
        "duplicate",
      ]);
      expect((await streams.read(user, 0, 10)).rows.map(({ seq }) => seq)).toEqual([2, 3]);
    });

    test("a large stream goes in bounded steps, which a restart doesn't end; upkeep goes on with them", async () => {
      const subjectStore = await opened(subject);
      for (let at = 0; at < 5; at++) await apply(subjectStore.store.streams, ...records("user:a", 1_000));
      await subjectStore.store.people.beginErasing("a", null);
      expect(await subjectStore.store.streams.read("user:a", 0, 10)).toMatchObject({ rows: [] });
      for (let at = 0; at < 3; at++)
        expect((await subjectStore.store.people.continueErasing(500)).done).toBe(false);
      await subjectStore.reopen();
      const { streams, people } = subjectStore.store;
      const touched = await keepUp(streams, 500);
      expect(touched).toBeGreaterThan(3_000);
      expect(await people.continueErasing(1)).toEqual({ done: true, withdrawn: [], changed: [] });
    });

    test("places of devices that come a moment late are not saved", async () => {
      const { store } = await opened(subject);
      await erase(store, "a");
      await store.positions.saveDevices([
        { user: "a", device: "phone", cursor: "c" },
        { user: "b", device: "phone", cursor: "c" },
      ]);
      expect(await store.positions.findDevice("a", "phone")).toBeNull();
      expect(await store.positions.findDevice("b", "phone")).toBe("c");
    });

    test("whatever is written at the same time, an erasure behind it leaves nothing, and seqs have no holes", async () => {
      const { store } = await opened(subject);
      const { streams, directory, positions, people } = store;
      await directory.putTopic("t", "key:k");
      await apply(streams, ...records("user:a", 20));
      const stored: number[] = [];
      const write = async (at: number): Promise<unknown> => {
        switch (at % 5) {
          case 0: {
            const { outcomes } = await apply(streams, ...records("user:a", 3));
            return stored.push(...outcomes.flatMap((one) => ("seq" in one ? [one.seq] : [])));
          }
          case 1:
            return directory.subscribe("t", ["a"], 256);
          case 2:
            return positions.mark("a", "read", { stream: "user:a", seqs: [at], undo: false });
          case 3:
            return people.state("a").then(({ version }) => people.putState("a", `{"at":${at}}`, version));
          default:
            return positions.saveDevices([{ user: "a", device: "phone", cursor: "c" }]);
        }
      };
      await Promise.all(
        Array.from({ length: 40 }, (_, at) => (at % 10 === 5 ? people.beginErasing("a", null) : write(at))),
      );
      expect(stored.sort((one, other) => one - other)).toEqual(stored.map((_, at) => 21 + at));
      await erase(store, "a");
      expect(await traces(store, "a")).toEqual(nothing);
      expect(await directory.getTopic("t")).toMatchObject({ subscribers: 0 });
      expect((await apply(streams, record("user:a"))).outcomes).toEqual([
        { status: "stored", seq: 21 + stored.length },
      ]);
    });
  });
}
