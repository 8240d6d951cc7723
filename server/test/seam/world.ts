/** One node over the model's store and bus, and sessions whose frames are kept. */
import type { ServerFrame } from "@carillon/protocol/frames";
import { distributorDefaults, makeDistributor } from "../../src/distributor/distributor.ts";
import { noMetrics } from "../../src/distributor/metrics.ts";
import { Failure } from "../../src/errors.ts";
import type { Outlet } from "../../src/live/outlet.ts";
import type { Session, SessionOptions } from "../../src/live/session.ts";
import { makeSessions, noSessionsMetrics, sessionsDefaults } from "../../src/live/sessions.ts";
import { openFollowing } from "../../src/receiver/following.ts";
import type { DevicePosition } from "../../src/store/positions.ts";
import { clientOf } from "../clients.ts";
import { nobodysStanding, nothingPublished } from "./game.ts";
import { makeLossyBus, makeTrueStore, makeWrites } from "./parts.ts";
import { makeDice, makeSchedule } from "./schedule.ts";

export interface Watched {
  readonly session: Session;
  readonly frames: ServerFrame[];
  closed: { reason: string; detail: string } | null;
  /** Bytes that the line doesn't take. */
  stuck: boolean;
  readonly line: { bytes: number };
  types(): string[];
  seqs(stream?: string): number[];
}

export async function makeWorld(given: { lose?: number; perUser?: number; stored?: string } = {}) {
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
        mark: store.positions.mark,
        unread: store.positions.unread,
      },
      queries: {} as never,
      people: store.people,
      bus: bus.driver,
      clock: schedule.clock,
      metrics: noMetrics,
    },
    distributorDefaults,
  );
  /** By the token's id: tokens that were brought in band are their own. */
  const revoked = new Set<string | null>();
  const sessions = makeSessions(
    {
      distributor,
      clock: schedule.clock,
      verify: async (token) => {
        if (token === "away") throw new Failure("unavailable", "no keys");
        return token === "bad" || token === "old"
          ? { error: "no", reason: token === "old" ? "token-expired" : "token-invalid" }
          : { ...clientOf(token, schedule.clock.now() + 600_000), tokenId: token };
      },
      following: openFollowing(store.directory, nobodysStanding, bus.driver),
      publishing: nothingPublished,
      isRevoked: (client) => revoked.has(client.tokenId),
      rates: { request: () => null, notifications: () => null },
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
        client: clientOf("ann", schedule.clock.now() + 3_600_000),
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
    revoked,
    saved,
    acknowledged,
    deafen: (to: boolean) => {
      deaf = to;
    },
  };
}
