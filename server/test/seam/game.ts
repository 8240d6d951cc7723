import type { MarkChange, MarkKind } from "@carillon/protocol/marks";
import { problem } from "@carillon/protocol/problems";
import { type StreamName, topicStream, userStream } from "@carillon/protocol/stream";
import type { BusMessage } from "../../src/bus/driver.ts";
import { type Distributor, distributorDefaults, makeDistributor } from "../../src/distributor/distributor.ts";
import { noMetrics } from "../../src/distributor/metrics.ts";
import { makeSessions, noSessionsMetrics, type Sessions, sessionsDefaults } from "../../src/live/sessions.ts";
import { openFollowing } from "../../src/receiver/following.ts";
import type { Publishing } from "../../src/receiver/publishing.ts";
import { type Client, makeClient } from "./client.ts";
import { type LossyBus, makeLossyBus, makeTrueStore, makeWrites } from "./parts.ts";
import { makeDice, makeSchedule } from "./schedule.ts";

export const nobodysStanding = {
  standing: async () => ({ topic: null, granted: false, follows: false }),
};

export const nothingPublished: Publishing = {
  publish: async () => problem("topic-not-found", "nobody publishes here"),
};

interface Node {
  readonly distributor: Distributor;
  readonly sessions: Sessions;
  readonly bus: LossyBus;
}

const users = ["ann", "bo", "cy"];
const topics = ["builds", "news"];

/**
 * One game: producers publish, take back and trim, clients come, go, follow and read slowly, nodes die, the bus
 * loses, repeats and reorders, the store is slow and sometimes away. Clients check what they get as it comes
 * (invariants 2, 3, 4, 6). In the end everything calms down, and everyone must have everything (invariant 9) and
 * know how much of it isn't read (invariant 7), when the server has just said so and when it was left to count on.
 * Throws with what went wrong; answers how many notifications were received.
 */
export async function play(seed: number, steps: number): Promise<number> {
  const dice = makeDice(seed);
  const schedule = makeSchedule(dice);
  const store = makeTrueStore(dice, schedule);
  const odds = { local: dice.chance(0.3), lose: dice.pick([0, 0.1, 0.5]), repeat: dice.pick([0, 0.2]) };
  const failing = dice.pick([0, 0, 0.05]);
  const options = {
    ...distributorDefaults,
    replay: dice.pick([10, 1_000]),
    ringRows: dice.pick([4, 64]),
    ringBytes: dice.pick([2_000, 1_000_000]),
    lingerMs: dice.pick([1_000, 30_000]),
  };
  const bufferBytes = dice.pick([200, 2_000, 64_000]);
  const nodes: Node[] = [];
  const unexpected: unknown[] = [];

  async function start(): Promise<void> {
    const bus = makeLossyBus(dice, schedule, odds);
    const distributor = makeDistributor(
      {
        streams: store.driver as never,
        directory: store.directory as never,
        positions: store.positions,
        queries: {} as never,
        people: store.people,
        // What one node says, all nodes hear: or not, as it is with a bus.
        bus: { ...bus.driver, publish: (messages) => messages.forEach(say) },
        clock: schedule.clock,
        metrics: noMetrics,
      },
      options,
    );
    const sessions = makeSessions(
      {
        distributor,
        clock: schedule.clock,
        isRevoked: () => false,
        rates: { request: () => null, notifications: () => null },
        verify: async () => ({ error: "no", reason: "token-invalid" }),
        following: openFollowing(store.directory, nobodysStanding, {
          publish: (messages) => messages.forEach(say),
        }),
        publishing: nothingPublished,
        metrics: noSessionsMetrics,
        broken: (reason) => void unexpected.push(reason),
      },
      { ...sessionsDefaults, bufferBytes, slowMs: 1_000_000_000, heartbeatMs: 1_000_000 },
    );
    await bus.driver.start(distributor.listener);
    await distributor.start();
    await sessions.start();
    nodes.push({ distributor, sessions, bus });
  }

  async function kill(node: Node): Promise<void> {
    nodes.splice(nodes.indexOf(node), 1);
    for (const client of clients) if (at.get(client) === node) client.cut();
    void node.sessions.stop();
    void node.distributor.stop();
    void node.bus.driver.stop();
    await start();
  }

  await start();
  await start();
  const say = (message: BusMessage): void => {
    for (const node of nodes) node.bus.publish(message);
  };
  const writes = makeWrites(dice, schedule, store, say);
  const at = new Map<Client, Node>();
  const streams: StreamName[] = [...users.map(userStream), ...topics.map(topicStream)];
  for (const stream of streams) store.of(stream);
  const clients: Client[] = [];
  for (const user of [...users, ...users.slice(0, 2)]) {
    const client: Client = makeClient(
      user,
      {
        dice,
        schedule,
        store,
        prompt: odds.local,
        sessions() {
          const node = dice.pick(nodes);
          at.set(client, node);
          return node.sessions;
        },
      },
      dice.chance(0.5),
    );
    clients.push(client);
  }

  const acts: [number, () => void | Promise<void>][] = [
    [10, () => writes.publish(dice.pick(streams), 1 + dice.int(dice.chance(0.1) ? 90 : 3))],
    [2, () => writes.withdraw(dice.pick(streams))],
    [0.5, () => writes.trim(dice.pick(streams))],
    [2, () => writes.follow(dice.pick(users), dice.pick(topics))],
    [0.7, () => writes.unfollow(dice.pick(users), dice.pick(topics))],
    [2, () => dice.pick(clients).read(dice.pick(streams), dice.int(4))],
    [1.5, () => dice.pick(clients).mark("archive", someOf(dice.pick(streams)))],
    [0.5, () => dice.pick(clients).mark(dice.pick(["seen", "archive", "read"]), { all: true })],
    [2, () => dice.pick(clients).ask("subscribe", dice.pick(topics))],
    [2, () => dice.pick(clients).ask("unsubscribe", dice.pick(topics))],
    [1, () => writes.state(dice.pick(users))],
    [0.2, () => writes.remove(dice.pick(topics))],
    [6, () => clients.find((client) => !client.connected())?.connect()],
    [1, () => dice.pick(clients).cut()],
    [0.2, () => kill(dice.pick(nodes))],
    [3, () => schedule.advance(dice.int(3_000))],
  ];
  const someOf = (stream: StreamName): MarkChange => ({
    stream,
    seqs: Array.from({ length: 1 + dice.int(3) }, () => dice.int(store.of(stream).rows.length + 2)),
    undo: dice.chance(0.3),
  });
  const weight = acts.reduce((sum, [odd]) => sum + odd, 0);

  async function act(): Promise<void> {
    let left = dice.roll() * weight;
    for (const [odd, run] of acts) {
      left -= odd;
      if (left < 0) return run();
    }
  }

  store.failing = failing;
  for (let step = 0; step < steps; step++) {
    if (dice.chance(0.3)) await act();
    else await schedule.step();
  }

  store.failing = 0;
  await calm();
  // Since they were told, something may have expired, been trimmed or been taken back from a topic.
  for (const user of users) writes.touch(user);
  await calm();
  audit();
  for (const client of clients) if (dice.chance(0.3)) client.cut();
  for (const stream of streams) writes.publish(stream, 3, true);
  await calm();
  audit();
  if (unexpected.length > 0) throw unexpected[0];
  for (const node of nodes) {
    void node.sessions.stop();
    void node.distributor.stop();
  }
  return clients.reduce((sum, client) => sum + client.received(), 0);

  async function calm(): Promise<void> {
    await schedule.settle();
    for (const client of clients) if (!client.connected()) client.connect();
    for (let second = 0; second < 150; second++) {
      schedule.advance(500);
      await schedule.settle();
    }
  }

  function audit(): void {
    for (const client of clients) {
      if (!client.connected()) throw new Error(`${client.user} was not connected in the end`);
      const follows = [...(store.follows.get(client.user)?.keys() ?? [])].map(topicStream);
      for (const stream of [userStream(client.user), ...follows]) {
        const { rows } = store.of(stream);
        const place = client.places.get(stream);
        if (place === undefined) throw new Error(`${client.user} has no place in ${stream}`);
        const missing = rows.slice(place).find((row) => row.kind !== 2 && row.expiresAt === null);
        if (missing !== undefined) throw new Error(`${client.user} never got ${stream} ${missing.seq}`);
      }
      for (const [stream, { read, archive }] of client.marks()) {
        if (!follows.includes(stream) && stream !== userStream(client.user)) continue;
        for (const [kind, told] of Object.entries({ read, archive })) {
          const { upTo, except } = store.mark(client.user, stream, kind as MarkKind);
          if (told !== undefined && (told.upTo !== upTo || `${told.except}` !== `${except}`))
            throw new Error(`${client.user} was told another ${kind} of ${stream} than there is`);
        }
      }
      const version = store.states.get(client.user) ?? 0;
      if (client.version() !== version)
        throw new Error(`${client.user} has state ${client.version()}, not ${version}`);
      const unread = JSON.stringify([...client.unread()]);
      const naive = JSON.stringify([...store.naive(client.user)]);
      if (unread !== naive) throw new Error(`${client.user} has unread ${unread}, not ${naive}`);
    }
  }
}
