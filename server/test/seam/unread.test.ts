import { decodeCursor, encodeCursor, tagOf } from "@carillon/protocol/cursor";
import type { ServerFrame, UnreadCount } from "@carillon/protocol/frames";
import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import { expect, test } from "vitest";
import { distributorDefaults } from "../../src/distributor/distributor.ts";
import { clientOf } from "../clients.ts";
import { makeWorld, type Watched } from "./world.ts";

const ann = userStream("ann");
const builds = topicStream("builds");

const hello = ({ frames }: Watched) => frames.find((frame) => frame.type === "hello");
const counts = ({ frames }: Watched) => frames.filter((frame) => frame.type === "unread");
const others = ({ frames }: Watched) => frames.filter(({ type }) => type !== "hello" && type !== "caught-up");
const places = ({ cursor }: UnreadCount, ...streams: StreamName[]) =>
  streams.map((stream) => decodeCursor(cursor).entries?.get(tagOf(stream))?.seq);
const say = ({ session }: Watched, frame: object) => session.receive(JSON.stringify(frame));

test("invariant 7: hello tells what isn't read, the missed included, and up to where that is true", async () => {
  const { open, writes } = await makeWorld();
  writes.publish(ann, 3);
  writes.follow("ann", "builds");
  writes.publish(builds, 2);
  const watched = await open({ cursor: encodeCursor([{ tag: tagOf(ann), epoch: 1, seq: 2 }]) });
  const { unread } = hello(watched) ?? expect.fail();
  expect(unread).toMatchObject({ total: 5, streams: { [ann]: 3, [builds]: 2 }, rev: 1 });
  expect(places(unread, ann, builds)).toEqual([3, 2]);
  expect(watched.seqs()).toEqual([3]);
  expect(counts(watched)).toEqual([]);
});

test("a stream with nothing unread is left out of the counts, and in the cursor", async () => {
  const { open, writes } = await makeWorld();
  writes.follow("ann", "builds");
  const { unread } = hello(await open()) ?? expect.fail();
  expect(unread).toMatchObject({ total: 0, streams: {} });
  expect(places(unread, ann, builds)).toEqual([0, 0]);
});

test("invariant 7: a read is told to all sessions of the user, this one too, and to nobody else", async () => {
  const { open, writes, schedule, store } = await makeWorld();
  writes.publish(ann, 3);
  const [one, two, other] = [
    await open(),
    await open(),
    await open({ client: clientOf("bo", Number.MAX_SAFE_INTEGER) }),
  ];
  const before = one.frames.length;
  say(one, { type: "read", ref: 9, stream: ann, upTo: 2 });
  await schedule.settle();
  const told: Partial<ServerFrame>[] = [
    { type: "read", stream: ann, upTo: 2, except: [] },
    { type: "unread", total: 1, streams: { [ann]: 1 }, unseen: { total: 1, streams: { [ann]: 1 } }, rev: 1 },
  ];
  expect(one.frames.slice(before).filter(({ type }) => type === "reply")).toEqual([
    { type: "reply", ref: 9, ok: true },
  ]);
  expect(one.frames.slice(before).filter(({ type }) => type !== "reply")).toMatchObject(told);
  expect(others(two).slice(-2)).toMatchObject(told);
  expect(others(other)).toEqual([]);
  expect(store.mark("ann", ann, "read")).toEqual({ upTo: 2, except: [] });
});

test("invariant 7: single marks, archived and seen are told like reads: what is marked now, and the counts", async () => {
  const { open, writes, schedule } = await makeWorld();
  writes.publish(ann, 4);
  writes.follow("ann", "builds");
  writes.publish(builds, 2);
  const [one, two] = [await open(), await open()];
  const told = async (frame: object) => {
    const before = two.frames.length;
    say(one, { ref: 1, ...frame });
    await schedule.settle();
    expect(one.frames.findLast(({ type }) => type === "reply")).toMatchObject({ ok: true });
    return two.frames.slice(before);
  };
  const unread = (total: number, unseen: number) => ({ type: "unread", total, unseen: { total: unseen } });
  expect(await told({ type: "read", stream: ann, seqs: [2, 4] })).toMatchObject([
    { type: "read", stream: ann, upTo: 0, except: [2, 4] },
    unread(4, 4),
  ]);
  expect(await told({ type: "seen", all: true })).toMatchObject([unread(4, 0)]);
  expect(await told({ type: "read", stream: ann, seqs: [2], undo: true })).toMatchObject([
    { type: "read", stream: ann, upTo: 0, except: [4] },
    unread(5, 0),
  ]);
  expect(await told({ type: "archive", all: true })).toMatchObject([
    { type: "archive", stream: ann, upTo: 4, except: [] },
    { type: "archive", stream: builds, upTo: 2, except: [] },
    unread(0, 0),
  ]);
  expect(await told({ type: "archive", all: true })).toEqual([]);
  expect(await told({ type: "archive", stream: builds, seqs: [1], undo: true })).toMatchObject([
    { type: "archive", stream: builds, upTo: 2, except: [1] },
    unread(1, 0),
  ]);
});

test("more single marks than a stream holds are refused by a problem of its own", async () => {
  const { open, writes, schedule, store } = await makeWorld();
  writes.publish(ann, 600);
  const watched = await open();
  const every = (from: number, count: number) => Array.from({ length: count }, (_, at) => from + 2 * at);
  say(watched, { type: "read", ref: 1, stream: ann, seqs: every(2, 200) });
  await schedule.settle();
  say(watched, { type: "read", ref: 2, stream: ann, seqs: every(402, 57) });
  await schedule.settle();
  expect(watched.frames.filter(({ type }) => type === "reply")).toMatchObject([
    { ref: 1, ok: true },
    { ref: 2, ok: false, error: { code: "marks-too-many" } },
  ]);
  expect(store.mark("ann", ann, "read").except).toHaveLength(200);
});

test("invariant 11: a read is confirmed once it is committed, and not when the store is away", async () => {
  const { open, writes, schedule, store } = await makeWorld();
  writes.publish(ann, 3);
  const watched = await open();
  const marks: number[] = [];
  const push = watched.frames.push.bind(watched.frames);
  watched.frames.push = (...frames) => {
    if (frames.some(({ type }) => type === "reply")) marks.push(store.mark("ann", ann, "read").upTo);
    return push(...frames);
  };
  say(watched, { type: "read", ref: 1, stream: ann, upTo: 3 });
  expect(watched.types()).not.toContain("reply");
  await schedule.settle();
  expect(marks).toEqual([3]);
  store.failing = 1;
  say(watched, { type: "read", ref: 2, stream: ann, upTo: 3 });
  await schedule.settle();
  expect(watched.frames.findLast(({ type }) => type === "reply")).toMatchObject({
    ref: 2,
    ok: false,
    error: { code: "unavailable" },
  });
});

test("what isn't followed can't be read", async () => {
  const { open, writes, schedule } = await makeWorld();
  writes.publish(builds, 1);
  const watched = await open();
  say(watched, { type: "read", ref: 1, stream: builds, upTo: 1 });
  say(watched, { type: "read", ref: 2, stream: userStream("bo"), upTo: 1 });
  await schedule.settle();
  const refused = { ok: false, error: { code: "not-followed" } };
  expect(watched.frames.filter(({ type }) => type === "reply")).toMatchObject([refused, refused]);
  expect(counts(watched)).toEqual([]);
});

test.each([
  { type: "read", stream: "builds", upTo: 1 },
  { type: "read", stream: ann, upTo: -1 },
  { type: "read", stream: ann, upTo: 1.5 },
  { type: "read", stream: ann, upTo: "7" },
  { type: "read", stream: ann },
  { type: "read", stream: ann, upTo: 1, seqs: [1] },
  { type: "read", stream: ann, upTo: 1, undo: true },
  { type: "read", stream: ann, seqs: [] },
  { type: "read", stream: ann, seqs: ["1"] },
  { type: "read", stream: ann, seqs: Array.from({ length: 257 }, (_, at) => at) },
  { type: "read", stream: ann, seqs: [1], undo: 1 },
  { type: "read", stream: ann, all: true },
  { type: "archive", all: false },
  { type: "seen", stream: ann, seqs: [1] },
  { type: "seen" },
])("a mark that is none closes the session: %j", async (frame) => {
  const { open } = await makeWorld();
  const watched = await open();
  say(watched, frame);
  expect(watched.closed?.reason).toBe("frame-invalid");
});

test("invariant 7: unread comes again when topics are followed and left", async () => {
  const { open, writes, schedule } = await makeWorld();
  const watched = await open();
  writes.follow("ann", "builds");
  await schedule.settle();
  writes.publish(builds, 2);
  await schedule.settle();
  writes.unfollow("ann", "builds");
  await schedule.settle();
  expect(counts(watched)).toMatchObject([
    { total: 0, rev: 1 },
    { total: 0, rev: 2 },
  ]);
  expect(places(counts(watched)[0]!, builds)).toEqual([0]);
  expect(places(counts(watched)[1]!, builds)).toEqual([undefined]);
});

test("invariant 7: a read that the bus doesn't tell of is told within the check interval", async () => {
  const { open, writes, schedule, pass, store, deafen } = await makeWorld();
  writes.publish(ann, 3);
  const watched = await open();
  deafen(true);
  void store.positions.mark("ann", "read", { stream: ann, upTo: 3 });
  await schedule.settle();
  expect(counts(watched)).toEqual([]);
  await pass(distributorDefaults.checkMs + 500);
  expect(others(watched).slice(-2)).toMatchObject([
    { type: "read", stream: ann, upTo: 3 },
    { type: "unread", total: 0, streams: {} },
  ]);
});

test("invariant 7: after a gap that was not counted, unread comes again", async () => {
  const { open, writes, pass, store, schedule } = await makeWorld();
  writes.publish(ann, 5);
  const watched = await open();
  await schedule.settle();
  watched.stuck = true;
  writes.publish(ann, 30);
  await schedule.settle();
  writes.publish(ann, 30);
  await schedule.settle();
  store.of(ann).trimmed = 65;
  writes.publish(ann, 1_500);
  await schedule.settle();
  store.of(ann).trimmed = 1_500;
  watched.stuck = false;
  watched.line.bytes = 0;
  watched.session.drained();
  await pass(1_000);
  const at = watched.types().lastIndexOf("gap");
  expect(watched.frames[at]).toMatchObject({ reason: "trimmed", to: 1_500 });
  expect(watched.frames.slice(at).find(({ type }) => type === "unread")).toMatchObject({ total: 65 });
});

test("a gap that hello has counted brings no more of it", async () => {
  const { open, writes } = await makeWorld();
  writes.publish(ann, 1_200);
  const watched = await open({ cursor: encodeCursor([{ tag: tagOf(ann), epoch: 1, seq: 1 }]) });
  expect(watched.types().slice(0, 2)).toEqual(["hello", "gap"]);
  expect(counts(watched)).toEqual([]);
});

test("many changes at once are one question to the store, or two", async () => {
  const { open, writes, schedule, store } = await makeWorld();
  const watched = await open();
  let asked = 0;
  const { unread } = store.positions;
  store.positions.unread = (user) => {
    asked++;
    return unread(user);
  };
  for (let change = 0; change < 50; change++) writes.touch("ann");
  await schedule.settle();
  expect(asked).toBeLessThanOrEqual(2);
  expect(counts(watched).at(-1)).toMatchObject({ rev: 50 });
});

test("without a hello, unread is told to those whose rev is another", async () => {
  const { open, writes } = await makeWorld();
  writes.follow("ann", "builds");
  const poll = { greeting: false };
  expect(counts(await open(poll))).toEqual([]);
  expect(counts(await open({ ...poll, rev: 1 }))).toEqual([]);
  expect(counts(await open({ ...poll, rev: 0 }))).toMatchObject([{ rev: 1 }]);
});
