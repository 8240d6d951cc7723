import { topicStream, userStream } from "@carillon/protocol/stream";
import { expect, test } from "vitest";
import { clientOf } from "../clients.ts";
import { makeWorld } from "./world.ts";

const ann = userStream("ann");
const builds = topicStream("builds");

test("followed and left by frames: the frame, the counts, then the reply; and what that promises", async () => {
  const { open, writes, schedule } = await makeWorld();
  writes.publish(builds, 3);
  const { session, types, frames, seqs } = await open();
  session.receive('{"type":"subscribe","ref":1,"topic":"builds"}');
  await schedule.settle();
  expect(types().slice(-3)).toEqual(["subscribe", "unread", "reply"]);
  expect(frames.at(-1)).toEqual({ type: "reply", ref: 1, ok: true });
  writes.publish(builds, 2);
  await schedule.settle();
  expect(seqs(builds)).toEqual([4, 5]);
  session.receive('{"type":"unsubscribe","ref":2,"topic":"builds"}');
  await schedule.settle();
  expect(types().slice(-3)).toEqual(["unsubscribe", "unread", "reply"]);
  writes.publish(builds, 1);
  await schedule.settle();
  expect(seqs(builds)).toEqual([4, 5]);
});

test("what was published between leaving and following again is shown to no session", async () => {
  const { open, writes, schedule, deafen } = await makeWorld();
  writes.follow("ann", "builds");
  const { types, frames, seqs } = await open();
  writes.publish(builds, 1);
  await schedule.settle();
  deafen(true);
  writes.unfollow("ann", "builds");
  writes.publish(builds, 2);
  writes.follow("ann", "builds");
  deafen(false);
  writes.touch("ann");
  writes.publish(builds, 1);
  await schedule.settle();
  expect(seqs(builds)).toEqual([1, 4]);
  expect(frames.filter(({ type }) => type === "subscribe")).toEqual([
    { type: "subscribe", stream: builds, seq: 3 },
  ]);
  expect(types().indexOf("unsubscribe")).toBeLessThan(types().indexOf("subscribe"));
});

test("frames about topics are done in the order in which they came", async () => {
  const { open, schedule, store } = await makeWorld();
  const { session, frames } = await open();
  for (let ref = 0; ref < 20; ref++) {
    session.receive(JSON.stringify({ type: ref % 2 ? "unsubscribe" : "subscribe", ref, topic: "builds" }));
  }
  await schedule.settle();
  const replies = frames.filter((frame) => frame.type === "reply");
  expect(replies.map(({ ref, ok }) => [ref, ok])).toEqual(Array.from({ length: 20 }, (_, at) => [at, true]));
  expect(store.follows.get("ann")?.size).toBe(0);
});

test("what waits of one session is bounded, in frames and in characters; more is refused at once", async () => {
  const { open, schedule } = await makeWorld();
  const many = await open();
  for (let ref = 0; ref < 70; ref++) {
    many.session.receive(JSON.stringify({ type: "unsubscribe", ref, topic: "builds" }));
  }
  await schedule.settle();
  const refused = (watched: typeof many) =>
    watched.frames.flatMap((frame) =>
      frame.type === "reply" && !frame.ok && frame.error.code === "overloaded" ? [frame.ref] : [],
    );
  expect(refused(many)).toEqual([64, 65, 66, 67, 68, 69]);
  const large = await open({ client: clientOf("bo", Number.MAX_SAFE_INTEGER) });
  for (let ref = 0; ref < 6; ref++) {
    const notification = { type: "t", data: "x".repeat(60_000) };
    large.session.receive(JSON.stringify({ type: "send", ref, topic: "builds", notification }));
  }
  await schedule.settle();
  expect(refused(large)).toEqual([4, 5]);
});

test("the store away: the reply says so, and nothing is promised", async () => {
  const { open, schedule, store, writes } = await makeWorld();
  const { session, frames } = await open();
  store.failing = 1;
  session.receive('{"type":"subscribe","ref":1,"topic":"builds"}');
  await schedule.settle();
  expect(frames.at(-1)).toMatchObject({ ref: 1, ok: false, error: { code: "unavailable" } });
  store.failing = 0;
  writes.publish(ann, 1);
  await schedule.settle();
  expect(frames.at(-1)).toMatchObject({ type: "notification", stream: ann });
});

test("a session that ends while it asks is told no more", async () => {
  const { open, schedule, store } = await makeWorld();
  const { session, frames } = await open();
  const before = frames.length;
  session.receive('{"type":"subscribe","ref":1,"topic":"builds"}');
  session.ended();
  await schedule.settle();
  expect(frames.length).toBe(before);
  expect(store.follows.get("ann")?.has("builds")).toBe(true);
});
