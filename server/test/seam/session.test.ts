import { decodeCursor, encodeCursor, tagOf } from "@carillon/protocol/cursor";
import type { ServerFrame } from "@carillon/protocol/frames";
import { topicStream, userStream } from "@carillon/protocol/stream";
import { expect, test } from "vitest";
import { distributorDefaults, makeDistributor } from "../../src/distributor/distributor.ts";
import { noMetrics } from "../../src/distributor/metrics.ts";
import type { Outlet } from "../../src/live/outlet.ts";
import type { Session, SessionOptions } from "../../src/live/session.ts";
import { makeSessions, noSessionsMetrics, sessionsDefaults } from "../../src/live/sessions.ts";
import type { DevicePosition } from "../../src/store/positions.ts";
import { makeLossyBus, makeTrueStore, makeWrites } from "./parts.ts";
import { makeDice, makeSchedule } from "./schedule.ts";

interface Watched {
  readonly session: Session;
  readonly frames: ServerFrame[];
  closed: { reason: string; detail: string } | null;
  /** Bytes that the line doesn't take. */
  stuck: boolean;
  readonly line: { bytes: number };
  types(): string[];
  seqs(stream?: string): number[];
}

async function world(given: { lose?: number; perUser?: number; stored?: string } = {}) {
  const dice = makeDice(7);
  const schedule = makeSchedule(dice);
  const store = makeTrueStore(dice, schedule);
  const bus = makeLossyBus(dice, schedule, { local: true, lose: 0, repeat: 0 });
  let deaf = false;
  const writes = makeWrites({ ...dice, chance: () => false }, schedule, store, (message) => {
    if (!deaf) bus.publish(message);
  });
  const saved: DevicePosition[] = [];
  const acknowledged: string[] = [];
  const distributor = makeDistributor(
    {
      streams: store.driver as never,
      directory: store.directory as never,
      positions: {
        saveDevices: async (positions) => void saved.push(...positions),
        findDevice: async () => given.stored ?? null,
        acknowledge: async (some) =>
          void acknowledged.push(...some.map((one) => `${one.user} ${one.stream} ${one.upTo}`)),
        receipts: async () => ({ total: 0, users: [] }),
      },
      bus: bus.driver,
      clock: schedule.clock,
      metrics: noMetrics,
    },
    distributorDefaults,
  );
  const sessions = makeSessions(
    {
      distributor,
      clock: schedule.clock,
      verify: async (token) =>
        token === "bad" ? { error: "no" } : { user: token, expiresAt: schedule.clock.now() + 600_000 },
      metrics: noSessionsMetrics,
      broken: (reason) => {
        throw reason;
      },
    },
    { ...sessionsDefaults, bufferBytes: 1_000, perUser: given.perUser ?? 64 },
  );
  await bus.driver.start(distributor.listener);
  await distributor.start();
  await sessions.start();

  async function pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      schedule.advance(Math.min(left, 500));
      await schedule.settle();
    }
  }

  async function open(wanted: Partial<SessionOptions> = {}): Promise<Watched> {
    const frames: ServerFrame[] = [];
    const line = { bytes: 0 };
    const outlet: Outlet = {
      encoding: {
        name: "websocket",
        frame: (_type, json) => Buffer.from(`${json}\n`),
        cursor: (token) => Buffer.from(`{"type":"cursor","cursor":"${token}"}\n`),
      },
      queued: () => line.bytes,
      write(bytes) {
        if (watched.stuck) line.bytes += bytes.length;
        for (const one of bytes.toString().split("\n"))
          if (one !== "") frames.push(JSON.parse(one) as ServerFrame);
      },
      close(reason, detail) {
        watched.closed = { reason, detail };
      },
    };
    const watched: Watched = {
      frames,
      line,
      closed: null,
      stuck: false,
      session: sessions.open({
        user: "ann",
        expiresAt: schedule.clock.now() + 3_600_000,
        cursor: null,
        device: null,
        cursors: false,
        greeting: true,
        outlet,
        ...wanted,
      }),
      types: () => frames.map((frame) => frame.type),
      seqs: (stream = "user:ann") =>
        frames.flatMap((frame) =>
          frame.type === "notification" && frame.stream === stream ? [frame.seq ?? 0] : [],
        ),
    };
    await schedule.settle();
    return watched;
  }

  return {
    open,
    pass,
    schedule,
    store,
    writes,
    sessions,
    distributor,
    saved,
    acknowledged,
    deafen: (to: boolean) => {
      deaf = to;
    },
  };
}

const ann = userStream("ann");

test("invariant 4: hello, what was missed, caught-up, then what is new", async () => {
  const { open, writes, schedule } = await world();
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
  const { open, writes } = await world();
  writes.publish(ann, 5);
  const watched = await open({ cursor: encodeCursor([{ tag: tagOf(ann), epoch: 1, seq: 3 }]) });
  expect(watched.seqs()).toEqual([4, 5]);
  expect(watched.frames.find((frame) => frame.type === "notification")).toMatchObject({ prev: 3 });
  expect(decodeCursor(watched.session.cursor()).entries?.get(tagOf(ann))?.seq).toBe(5);
});

test("invariant 9: what the bus loses arrives within the check interval", async () => {
  const { open, writes, pass, deafen } = await world();
  const watched = await open();
  deafen(true);
  writes.publish(ann, 2);
  await pass(500);
  expect(watched.seqs()).toEqual([]);
  await pass(distributorDefaults.checkMs);
  expect(watched.seqs()).toEqual([1, 2]);
});

test("invariant 9: a subscription that the bus doesn't tell of is followed within the check interval", async () => {
  const { open, writes, pass, deafen } = await world();
  const watched = await open();
  deafen(true);
  writes.follow("ann", "builds");
  await pass(distributorDefaults.checkMs + 500);
  deafen(false);
  writes.publish(topicStream("builds"), 1);
  await pass(500);
  expect(watched.types().slice(-2)).toEqual(["subscribe", "notification"]);
});

test("invariant 3: a store that went back is told as a gap, and the stream goes on from there", async () => {
  const { open, writes, pass, store } = await world();
  writes.publish(ann, 5);
  const watched = await open();
  store.of(ann).rows.splice(2);
  await pass(distributorDefaults.checkMs + 500);
  expect(watched.frames.at(-1)).toEqual({ type: "gap", stream: ann, reason: "rewound", from: 0, to: 2 });
  writes.publish(ann, 1);
  await pass(500);
  expect(watched.frames.at(-1)).toMatchObject({ type: "notification", seq: 3, prev: 2 });
});

test("invariant 3: another epoch is told as a gap", async () => {
  const { open, writes, pass, store } = await world();
  writes.publish(ann, 5);
  const watched = await open();
  store.epoch = 2;
  await pass(distributorDefaults.checkMs + 500);
  expect(watched.frames.filter((frame) => frame.type === "gap")).toEqual([
    { type: "gap", stream: ann, reason: "epoch", from: 0, to: 0 },
  ]);
});

test("invariant 8: a slow session is pulled from when it drains, and nothing is lost", async () => {
  const { open, writes, schedule } = await world();
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
  const { open, writes } = await world();
  writes.publish(ann, 200);
  expect((await open()).seqs().length).toBe(200);
});

test("invariant 3: what has expired or was taken back is passed over, and prev says from where", async () => {
  const { open, writes, store, schedule } = await world();
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
  const { open, writes, pass } = await world();
  const watched = await open();
  watched.stuck = true;
  writes.publish(ann, 50);
  await pass(sessionsDefaults.slowMs + sessionsDefaults.heartbeatMs + 1_000);
  expect(watched.closed?.reason).toBe("slow-consumer");
});

test("heartbeats come at their interval, and silence for two of them ends a WebSocket session", async () => {
  const { open, pass } = await world();
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
  const { open, pass, schedule } = await world();
  const expiresAt = schedule.clock.now() + 10_000;
  const left = await open({ expiresAt });
  const refreshed = await open({ expiresAt });
  const stranger = await open();
  const refused = await open();
  refreshed.session.receive('{"type":"auth","ref":1,"token":"ann"}');
  stranger.session.receive('{"type":"auth","token":"bo"}');
  refused.session.receive('{"type":"auth","token":"bad"}');
  await pass(11_000);
  expect(left.closed?.reason).toBe("token-expired");
  expect(refreshed.closed).toBeNull();
  expect(refreshed.frames).toContainEqual({ type: "reply", ref: 1, ok: true });
  expect(stranger.closed?.reason).toBe("token-invalid");
  expect(refused.closed?.reason).toBe("token-invalid");
});

test("an ack reaches as far as was sent, and a named device's place is stored", async () => {
  const { open, writes, schedule, pass, saved } = await world();
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

test("a named device without a cursor starts from its stored place", async () => {
  const { open, writes } = await world({ stored: encodeCursor([{ tag: tagOf(ann), epoch: 1, seq: 2 }]) });
  writes.publish(ann, 3);
  expect((await open({ device: "phone" })).seqs()).toEqual([3]);
  expect((await open()).seqs()).toEqual([1, 2, 3]);
});

test("frames that are none close the session", async () => {
  const { open } = await world();
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
  const { open } = await world({ perUser: 2 });
  const first = await open();
  await open();
  await expect(open()).rejects.toMatchObject({ code: "overloaded" });
  first.session.ended();
  await open();
});

test("draining tells every session, takes no new ones and closes what is left", async () => {
  const { open, sessions, pass } = await world();
  const watched = await open();
  const drained = sessions.drain(2_000);
  await pass(4_000);
  await drained;
  expect(watched.types()).toContain("goaway");
  expect(watched.closed?.reason).toBe("draining");
  await expect(open()).rejects.toMatchObject({ code: "stopped" });
});

test("after unsubscribing nothing of the topic follows", async () => {
  const { open, writes, schedule } = await world();
  writes.follow("ann", "builds");
  const watched = await open();
  writes.publish(topicStream("builds"), 1);
  await schedule.settle();
  writes.unfollow("ann", "builds");
  await schedule.settle();
  writes.publish(topicStream("builds"), 1);
  await schedule.settle();
  expect(watched.seqs("topic:builds")).toEqual([1]);
  expect(watched.types().at(-1)).toBe("unsubscribe");
});
