import { userStream } from "@carillon/protocol/stream";
import type { BusDriver, BusListener } from "../bus/driver.ts";
import type { Clock } from "../clock.ts";
import type { Service } from "../lifecycle.ts";
import type { DirectoryDriver } from "../store/directory.ts";
import type { PeopleDriver } from "../store/people.ts";
import type { PositionsDriver } from "../store/positions.ts";
import type { Queries } from "../store/queries.ts";
import type { StreamsDriver } from "../store/streams.ts";
import { type Acks, makeAcks } from "./acks.ts";
import { Feed, type FeedShared } from "./feed.ts";
import type { FeedSink } from "./feed-sink.ts";
import type { TracePush } from "./hub.ts";
import { type HubsOptions, makeHubs } from "./hubs.ts";
import { type Inbox, makeInbox } from "./inbox.ts";
import { type Marks, makeMarks } from "./marks.ts";
import type { DistributorMetrics } from "./metrics.ts";
import { makeReader, type ReaderLimits } from "./reader.ts";

import { makeRingBudget } from "./ring.ts";
import { type Flushable, makeTicker } from "./ticker.ts";

export interface DistributorOptions extends HubsOptions {
  /** Rows replayed per stream to a session that comes back. */
  readonly replay: number;
  /** Bytes of rows that all hubs together keep in memory. */
  readonly ringBytes: number;
  /** Rows that one hub keeps at most. */
  readonly ringRows: number;
  readonly reader: ReaderLimits;
}

export const distributorDefaults: DistributorOptions = {
  replay: 1_000,
  ringBytes: 64 * 1024 * 1024,
  ringRows: 1_024,
  checkMs: 60_000,
  suspectMs: 30_000,
  lingerMs: 30_000,
  reader: { concurrency: 256, waiting: 100_000, pageBytes: 64 * 1024 * 1024 },
};

export interface DistributorDeps {
  readonly streams: StreamsDriver;
  readonly directory: DirectoryDriver;
  readonly positions: PositionsDriver;
  readonly queries: Queries;
  readonly people: Pick<PeopleDriver, "state">;
  readonly bus: BusDriver;
  readonly clock: Clock;
  readonly metrics: DistributorMetrics;
  readonly tracePush?: TracePush | null;
}

/** The role that knows who is here and how far they have got: hubs, feeds, acknowledgements, marks. */
export interface Distributor extends Service {
  readonly acks: Acks;
  readonly marks: Marks;
  readonly inbox: Inbox;
  /** A feed for one session of a user; `open` it next. */
  feed(user: string, sink: FeedSink): Feed;
  /** Asks for `flush` at the end of this turn. */
  flushSoon(session: Flushable): void;
  /** The user was erased: nothing of theirs stays in memory, or is stored later. */
  erased(user: string): void;
  hubCount(): number;
  /** What the bus is to be started with, before this role starts. */
  readonly listener: BusListener;
}

export function makeDistributor(
  deps: DistributorDeps,
  options: DistributorOptions = distributorDefaults,
): Distributor {
  const { streams, directory, positions, people, queries, bus, clock, metrics, tracePush = null } = deps;
  const reader = makeReader(streams, positions, people, options.reader);
  const ticker = makeTicker(clock);
  const budget = makeRingBudget(options.ringBytes, options.ringRows);
  const hubs = makeHubs(
    bus,
    reader,
    clock,
    { clock, reader, budget, metrics, tracePush, dirty: ticker.dirty },
    options,
  );
  const acks = makeAcks(positions, clock);
  const shared: FeedShared = {
    hubs,
    reader,
    acks,
    metrics,
    subscriptions: (user) => reader.ask(() => directory.subscriptions(user)),
    devicePosition: (user, device) => reader.ask(() => positions.findDevice(user, device)),
    now: () => clock.now(),
    replay: options.replay,
  };
  return {
    name: "distributor",
    acks,
    marks: makeMarks({ mark: positions.mark, unread: reader.unread }, bus),
    inbox: makeInbox(queries, reader),
    feed: (user, sink) => new Feed(user, sink, shared),
    flushSoon: ticker.flushSoon,
    erased(user) {
      acks.forget(user);
      hubs.forget(userStream(user));
    },
    hubCount: () => hubs.count(),
    listener: hubs.listener,
    async start() {
      hubs.start();
      acks.start();
    },
    async stop() {
      hubs.stop();
      await acks.stop();
    },
  };
}
