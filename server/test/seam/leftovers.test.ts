import { encodeCursor, tagOf } from "@carillon/protocol/cursor";
import { topicStream, userStream } from "@carillon/protocol/stream";
import { expect, test } from "vitest";
import { distributorDefaults } from "../../src/distributor/distributor.ts";
import { Kind } from "../../src/store/streams.ts";
import { clientOf } from "../clients.ts";
import { makeWorld } from "./world.ts";

const ann = userStream("ann");
const builds = topicStream("builds");
const { lingerMs } = distributorDefaults;

test("a stream that nobody follows any more is let go, whoever else comes and goes", async () => {
  const { open, pass, distributor } = await makeWorld();
  const comeAndGo = async (user: string) =>
    (await open({ client: clientOf(user, Number.MAX_SAFE_INTEGER) })).session.ended();
  await comeAndGo("ann");
  await comeAndGo("bob");
  for (let times = 0; times < 4; times++) {
    await pass(lingerMs * 0.6);
    await comeAndGo("ann");
  }
  expect(distributor.hubCount()).toBe(1);
});

test("a session that could not begin holds on to nothing", async () => {
  const { open, pass, store, writes, distributor } = await makeWorld();
  writes.follow("ann", "builds");
  const first = await open();
  store.failing = 1;
  const second = await open();
  expect(second.closed).toMatchObject({ reason: "unavailable" });
  store.failing = 0;
  for (const { session } of [first, second]) session.ended();
  await pass(lingerMs + 1_000);
  expect(distributor.hubCount()).toBe(0);
});

test("what is taken back while its page is on the way is shown to nobody who comes later", async () => {
  const { open, writes, schedule, store, deafen } = await makeWorld();
  const watched = await open();
  const { read } = store.driver;
  let withdrawn = 0;
  Object.assign(store.driver, {
    async read(...asked: Parameters<typeof read>) {
      const page = await read(...asked);
      if (withdrawn === 0) writes.withdraw(ann);
      withdrawn ||= (store.of(ann).rows.findIndex(({ kind }) => kind === Kind.tombstone) ?? -1) + 1;
      return page;
    },
  });
  deafen(true);
  writes.publish(ann, 3, true);
  deafen(false);
  writes.publish(ann, 1, true);
  await schedule.settle();
  expect(withdrawn).toBeGreaterThan(0);
  expect(watched.seqs()).toEqual([1, 2, 3, 4].filter((seq) => seq !== withdrawn));
  const late = await open({ cursor: encodeCursor([{ tag: tagOf(ann), epoch: 1, seq: 0 }]) });
  expect(late.seqs()).toEqual([1, 2, 3, 4].filter((seq) => seq !== withdrawn));
});

test("invariant 9: what is taken back while the bus says nothing is shown to nobody who comes after the next check", async () => {
  const { open, writes, pass, schedule, store, deafen } = await makeWorld();
  await Promise.all([open(), open()]);
  writes.publish(ann, 3, true);
  await schedule.settle();
  deafen(true);
  writes.withdraw(ann);
  const left = store.of(ann).rows.flatMap(({ kind }, at) => (kind === Kind.tombstone ? [] : [at + 1]));
  expect(left).toHaveLength(2);
  await pass(distributorDefaults.checkMs + 500);
  const late = await open({ cursor: encodeCursor([{ tag: tagOf(ann), epoch: 1, seq: 0 }]) });
  expect(late.seqs()).toEqual(left);
});

test("nothing of a topic follows once the user doesn't follow it any more", async () => {
  const { open, writes, schedule } = await makeWorld();
  writes.follow("ann", "builds");
  const watched = await open();
  writes.publish(builds, 1, true);
  await schedule.settle();
  expect(watched.seqs(builds)).toEqual([1]);
  writes.unfollow("ann", "builds");
  writes.publish(builds, 1, true);
  writes.publish(ann, 1, true);
  await schedule.settle();
  expect(watched.seqs(builds)).toEqual([1]);
  expect(watched.seqs()).toEqual([1]);
  expect(watched.types()).toContain("unsubscribe");
});

test("what comes while subscriptions are read again comes after, whole and in order", async () => {
  const { open, writes, schedule } = await makeWorld();
  writes.follow("ann", "builds");
  const watched = await open();
  for (let times = 0; times < 5; times++) {
    writes.touch("ann");
    writes.publish(builds, 2, true);
    await schedule.step();
  }
  await schedule.settle();
  expect(watched.seqs(builds)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
});
