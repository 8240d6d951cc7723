import { decodeCursor, encodeCursor, tagOf } from "@carillon/protocol/cursor";
import { topicStream, userStream } from "@carillon/protocol/stream";
import { expect, test } from "vitest";
import { distributorDefaults } from "../../src/distributor/distributor.ts";
import { sessionsDefaults } from "../../src/live/sessions.ts";
import { clientOf } from "../clients.ts";
import { makeWorld } from "./world.ts";

const ann = userStream("ann");

test("invariant 4: hello, what was missed, caught-up, then what is new", async () => {
  const { open, writes, schedule } = await makeWorld();
  writes.publish(ann, 3);
  const watched = await open();
  writes.publish(ann, 1);
  await schedule.settle();
  expect(watched.types()).toEqual([
    "hello",
    "notification",
    "notification",
    "notification",
    "caught-up",
    "notification",
  ]);
  expect(watched.seqs()).toEqual([1, 2, 3, 4]);
});

test("invariant 6: a cursor goes on in the middle of a stream", async () => {
  const { open, writes } = await makeWorld();
  writes.publish(ann, 5);
  const watched = await open({ cursor: encodeCursor([{ tag: tagOf(ann), epoch: 1, seq: 3 }]) });
  expect(watched.seqs()).toEqual([4, 5]);
  expect(watched.frames.find((frame) => frame.type === "notification")).toMatchObject({ prev: 3 });
  expect(decodeCursor(watched.session.cursor()).entries?.get(tagOf(ann))?.seq).toBe(5);
});

test("invariant 9: what the bus loses arrives within the check interval", async () => {
  const { open, writes, pass, deafen } = await makeWorld();
  const watched = await open();
  deafen(true);
  writes.publish(ann, 2);
  await pass(500);
  expect(watched.seqs()).toEqual([]);
  await pass(distributorDefaults.checkMs);
  expect(watched.seqs()).toEqual([1, 2]);
});

test("invariant 9: a subscription that the bus doesn't tell of is followed within the check interval", async () => {
  const { open, writes, pass, deafen } = await makeWorld();
  const watched = await open();
  deafen(true);
  writes.follow("ann", "builds");
  await pass(distributorDefaults.checkMs + 500);
  deafen(false);
  writes.publish(topicStream("builds"), 1);
  await pass(500);
  expect(watched.types().slice(-3)).toEqual(["subscribe", "unread", "notification"]);
});

test("invariant 3: a store that went back is told as a gap, and the stream goes on from there", async () => {
  const { open, writes, pass, store } = await makeWorld();
  writes.publish(ann, 5);
  const watched = await open();
  store.of(ann).rows.splice(2);
  await pass(distributorDefaults.checkMs + 500);
  expect(watched.frames.at(-2)).toEqual({ type: "gap", stream: ann, reason: "rewound", from: 0, to: 2 });
  writes.publish(ann, 1);
  await pass(500);
  expect(watched.frames.at(-1)).toMatchObject({ type: "notification", seq: 3, prev: 2 });
});

test("invariant 3: another epoch is told as a gap", async () => {
  const { open, writes, pass, store } = await makeWorld();
  writes.publish(ann, 5);
  const watched = await open();
  store.epoch = 2;
  await pass(distributorDefaults.checkMs + 500);
  expect(watched.frames.filter((frame) => frame.type === "gap")).toEqual([
    { type: "gap", stream: ann, reason: "epoch", from: 0, to: 0 },
  ]);
});

test("invariant 8: a slow session is pulled from when it drains, and nothing is lost", async () => {
  const { open, writes, schedule } = await makeWorld();
  const watched = await open();
  watched.stuck = true;
  for (let n = 0; n < 50; n++) {
    writes.publish(ann, 2);
    await schedule.settle();
  }
  expect(watched.line.bytes).toBeLessThan(2_500);
  expect(watched.seqs().length).toBeLessThan(50);
  watched.stuck = false;
  watched.line.bytes = 0;
  watched.session.drained();
  await schedule.settle();
  expect(watched.seqs()).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
});

test("invariant 8: a line that takes everything at once needs no word of it to go on", async () => {
  const { open, writes } = await makeWorld();
  writes.publish(ann, 200);
  expect((await open()).seqs().length).toBe(200);
});

test("invariant 3: what has expired or was taken back is passed over, and prev says from where", async () => {
  const { open, writes, store, schedule } = await makeWorld();
  writes.publish(ann, 4);
  const { rows } = store.of(ann);
  rows[1] = { ...(rows[1] as (typeof rows)[number]), expiresAt: schedule.clock.now() - 1 };
  rows[2] = { ...(rows[2] as (typeof rows)[number]), kind: 2, body: null };
  const watched = await open();
  expect(watched.seqs()).toEqual([1, 4]);
  expect(watched.frames.find((frame) => frame.type === "notification" && frame.seq === 4)).toMatchObject({
    prev: 1,
  });
  expect(decodeCursor(watched.session.cursor()).entries?.get(tagOf(ann))?.seq).toBe(4);
});

test("invariant 8: a session that takes nothing is closed in the end", async () => {
  const { open, writes, pass } = await makeWorld();
  const watched = await open();
  watched.stuck = true;
  writes.publish(ann, 50);
  await pass(sessionsDefaults.slowMs + sessionsDefaults.heartbeatMs + 1_000);
  expect(watched.closed?.reason).toBe("slow-consumer");
});

test("heartbeats come at their interval, and silence for two of them ends a WebSocket session", async () => {
  const { open, pass } = await makeWorld();
  const silent = await open();
  const alive = await open();
  for (let beat = 0; beat < 4; beat++) {
    await pass(sessionsDefaults.heartbeatMs + 500);
    alive.session.heard();
  }
  expect(alive.types().filter((type) => type === "ping").length).toBeGreaterThanOrEqual(3);
  expect(alive.closed).toBeNull();
  expect(silent.closed?.reason).toBe("unresponsive");
});

test("a token's end is the session's end, unless a fresh one came in band", async () => {
  const { open, pass, schedule } = await makeWorld();
  const client = clientOf("ann", schedule.clock.now() + 10_000);
  const left = await open({ client });
  const refreshed = await open({ client });
  const stranger = await open();
  const refused = await open();
  refreshed.session.receive('{"type":"auth","ref":1,"token":"ann"}');
  stranger.session.receive('{"type":"auth","token":"bo"}');
  refused.session.receive('{"type":"auth","token":"bad"}');
  const late = await open();
  late.session.receive('{"type":"auth","token":"old"}');
  const unlucky = await open();
  unlucky.session.receive('{"type":"auth","ref":7,"token":"away"}');
  await pass(11_000);
  expect(left.closed?.reason).toBe("token-expired");
  expect(refreshed.closed).toBeNull();
  expect(refreshed.frames).toContainEqual({ type: "reply", ref: 1, ok: true });
  expect(stranger.closed?.reason).toBe("token-invalid");
  expect(refused.closed?.reason).toBe("token-invalid");
  expect(late.closed?.reason).toBe("token-expired");
  expect(unlucky.closed).toBeNull();
  expect(unlucky.frames).toContainEqual(expect.objectContaining({ ref: 7, ok: false }));
});

test("a token in band that was revoked while it was looked at ends the session", async () => {
  const { open, schedule, revoked } = await makeWorld();
  const watched = await open();
  revoked.add("ann");
  watched.session.receive('{"type":"auth","ref":1,"token":"ann"}');
  await schedule.settle();
  expect(watched.closed?.reason).toBe("token-revoked");
});

test("an ack reaches as far as was sent, and a named device's place is stored", async () => {
  const { open, writes, schedule, pass, saved } = await makeWorld();
  writes.publish(ann, 3);
  const watched = await open({ device: "phone" });
  watched.session.receive('{"type":"ack","ref":1,"stream":"user:ann","seq":2}');
  watched.session.receive('{"type":"ack","ref":2,"stream":"user:ann","seq":9}');
  watched.session.receive('{"type":"ack","ref":3,"stream":"topic:other","seq":1}');
  await schedule.settle();
  expect(watched.frames.slice(-3)).toMatchObject([
    { ref: 1, ok: true },
    { ref: 2, ok: false, error: { code: "not-sent" } },
    { ref: 3, ok: false, error: { code: "not-followed" } },
  ]);
  watched.session.ended();
  await pass(2_000);
  expect(saved.length).toBe(1);
  expect(decodeCursor(saved[0]?.cursor ?? "").entries?.get(tagOf(ann))?.seq).toBe(2);
});

test("of a user who was erased nothing that was said before is stored behind it", async () => {
  const { open, writes, schedule, pass, saved, acknowledged, sessions, distributor } = await makeWorld();
  writes.publish(ann, 2);
  const [one, other] = [await open({ device: "phone" }), await open({ device: "desk" })];
  for (const { session } of [one, other])
    session.receive(JSON.stringify({ type: "ack", stream: ann, seq: 2 }));
  one.session.ended();
  distributor.acks.received("ann", ann, 2);
  sessions.erased("ann");
  distributor.erased("ann");
  await schedule.settle();
  expect(other.closed?.reason).toBe("user-erased");
  other.session.ended();
  await pass(3_000);
  expect([saved, acknowledged]).toEqual([[], []]);
});

test("a named device without a cursor starts from its stored place", async () => {
  const { open, writes } = await makeWorld({ stored: encodeCursor([{ tag: tagOf(ann), epoch: 1, seq: 2 }]) });
  writes.publish(ann, 3);
  expect((await open({ device: "phone" })).seqs()).toEqual([3]);
  expect((await open()).seqs()).toEqual([1, 2, 3]);
});

test("frames that are none close the session", async () => {
  const { open } = await makeWorld();
  for (const text of [
    "",
    "no",
    "[]",
    "{}",
    '{"type":"ack"}',
    '{"type":"ack","stream":"x","seq":1}',
    '{"type":"ping","ref":"a"}',
  ]) {
    const watched = await open();
    watched.session.receive(text);
    expect(watched.closed?.reason).toBe("frame-invalid");
    watched.session.ended();
  }
});

test("a user has a bounded number of sessions, and ending one makes room", async () => {
  const { open } = await makeWorld({ perUser: 2 });
  const first = await open();
  await open();
  await expect(open()).rejects.toMatchObject({ code: "overloaded" });
  first.session.ended();
  await open();
});

test("draining tells every session, takes no new ones and closes what is left", async () => {
  const { open, sessions, pass } = await makeWorld();
  const watched = await open();
  const drained = sessions.drain(2_000);
  await pass(4_000);
  await drained;
  expect(watched.types()).toContain("goaway");
  expect(watched.closed?.reason).toBe("draining");
  await expect(open()).rejects.toMatchObject({ code: "stopped" });
});

test("after unsubscribing nothing of the topic follows", async () => {
  const { open, writes, schedule } = await makeWorld();
  writes.follow("ann", "builds");
  const watched = await open();
  writes.publish(topicStream("builds"), 1);
  await schedule.settle();
  writes.unfollow("ann", "builds");
  await schedule.settle();
  writes.publish(topicStream("builds"), 1);
  await schedule.settle();
  expect(watched.seqs("topic:builds")).toEqual([1]);
  expect(watched.types().slice(-2)).toEqual(["unsubscribe", "unread"]);
});

test("invariant 9: a stream that is taken anew goes on, whatever becomes of the others meanwhile", async () => {
  for (let steps = 0; steps < 40; steps++) {
    const { open, writes, pass, store, schedule } = await makeWorld();
    for (const topic of ["builds", "news"]) writes.follow("ann", topic);
    const watched = await open();
    store.epoch = 2;
    schedule.advance(distributorDefaults.checkMs);
    watched.session.heard();
    for (let step = 0; step < steps; step++) await schedule.step();
    writes.unfollow("ann", "builds");
    await pass(2_000);
    writes.publish(topicStream("news"), 1, true);
    await pass(500);
    expect(watched.closed).toBeNull();
    expect(watched.seqs("topic:news"), `after ${steps} steps`).toEqual([1]);
  }
});

test("invariant 9: a check that the store didn't answer is made again soon, not a whole interval later", async () => {
  const { open, writes, pass, store, deafen } = await makeWorld();
  const watched = await open();
  deafen(true);
  writes.publish(ann, 1, true);
  store.failing = 1;
  await pass(distributorDefaults.checkMs + 500);
  expect(watched.seqs()).toEqual([]);
  store.failing = 0;
  watched.session.heard();
  await pass(distributorDefaults.suspectMs);
  expect(watched.seqs()).toEqual([1]);
});
