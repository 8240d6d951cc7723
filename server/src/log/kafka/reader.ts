/**
 * Fetching: no consumer group, but given partitions from given offsets, one request at a time to each broker for all
 * of the parts that it leads and this process consumes. What goes wrong begins again where each part stands, later
 * each time, for ever; only an offset that the log doesn't have ends a part's consumption.
 */
import type { Connection } from "@platformatic/kafka";
import { type Backoff, backoffMs } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import { Failure } from "../../errors.ts";
import type { Cluster } from "./cluster.ts";
import { unavailable } from "./failure.ts";
import type { Feed } from "./feed.ts";
import type { Offsets } from "./offsets.ts";
import { makePauses } from "./pauses.ts";
import { readBatches } from "./record-batch.ts";
import { ErrorCode, errorName, type Fetched, fetchFrom } from "./requests.ts";

export interface ReaderOptions {
  readonly cluster: Cluster;
  readonly offsets: Pick<Offsets, "first">;
  /** As of the start: another topic of the same name is another log. */
  readonly topicId: string;
  readonly clock: Clock;
  readonly random: () => number;
  fetched(records: number, bytes: number): void;
  /** A broker answered a fetch, whether it had anything or not. */
  answered(): void;
  troubled(failure: Failure): void;
}

export interface Reader {
  add(feed: Feed): void;
  remove(feed: Feed): void;
  /** Looks for feeds that have room again. */
  wake(): void;
  stop(): void;
}

const backoff: Backoff = { baseMs: 50, maxMs: 2_000 };
const fetchBytes = 1 << 20;
/** A part fetches ahead while less than this waits for its consumer; all of them together, while less than that. */
const aheadBytes = 2 << 20;
const aheadOfAllBytes = 64 << 20;
const waitMs = 250;
/** While a part has no room it isn't asked for; it will have some soon. */
const shortWaitMs = 50;
const requestTimeoutMs = 5_000;

export function makeReader(options: ReaderOptions): Reader {
  const { cluster, offsets, topicId, clock, random } = options;
  const pauses = makePauses(clock);
  const feeds = new Set<Feed>();
  const connections = new Map<number, Connection>();
  const running = new Set<number>();
  /** Parts that a broker has an error for; the others it leads go on. */
  const resting = new Set<Feed>();
  const failuresOf = new WeakMap<Feed, number>();
  let seeking = false;
  let turn = 0;
  let stopped = false;

  const bufferedOfAll = (): number => {
    let sum = 0;
    for (const feed of feeds) sum += feed.bufferedBytes();
    return sum;
  };

  const leaderOf = (feed: Feed): number | null => cluster.topic()?.partitions[feed.part]?.leader ?? null;

  /** The feeds that this broker serves and that have room, and whether one is left out. */
  const askable = (node: number): { asked: Feed[]; leftOut: boolean } => {
    const all = [...feeds].filter(
      (feed) => feed.fed() && !resting.has(feed) && feed.next() !== null && leaderOf(feed) === node,
    );
    const crowded = bufferedOfAll() >= aheadOfAllBytes;
    const asked = all.filter((feed) => {
      const buffered = feed.bufferedBytes();
      return buffered === 0 || (buffered < aheadBytes && !crowded);
    });
    const from = asked.length > 0 ? turn++ % asked.length : 0;
    return { asked: [...asked.slice(from), ...asked.slice(0, from)], leftOut: asked.length < all.length };
  };

  const connected = async (node: number): Promise<Connection> => {
    const known = connections.get(node);
    if (known?.isConnected()) return known;
    const connection = await cluster.connect(node, requestTimeoutMs);
    connections.set(node, connection);
    return connection;
  };

  const disconnect = (node: number): void => {
    connections.get(node)?.socket.destroy();
    connections.delete(node);
  };

  const troubled = (what: string, error: unknown): void => {
    if (stopped) return;
    options.troubled(unavailable(what, error));
  };

  const refresh = async (): Promise<void> => {
    await cluster.refresh();
    const topic = cluster.topic();
    if (topic === null || topic.id === topicId) return;
    const text = "the log's topic was deleted and made anew: what the store has read is not what it holds";
    for (const feed of [...feeds]) {
      feeds.delete(feed);
      feed.fail(new Failure("diverged", text));
    }
  };

  const rest = async (feed: Feed, failure: Failure): Promise<void> => {
    const failures = failuresOf.get(feed) ?? 0;
    failuresOf.set(feed, failures + 1);
    resting.add(feed);
    troubled("fetching from Kafka", failure);
    await pauses.pause(backoffMs(backoff, failures, random()));
    await refresh().catch((reason) => troubled("asking who leads", reason));
    resting.delete(feed);
    wake();
  };

  const deliver = (feed: Feed, { code, records, part }: Fetched): void => {
    if (code === ErrorCode.offsetOutOfRange) {
      const text = `offset ${feed.next()} isn't in partition ${part} of the log: it was deleted, or never was there`;
      feeds.delete(feed);
      feed.fail(new Failure("diverged", text));
      return;
    }
    if (code !== ErrorCode.none) {
      void rest(feed, new Failure("unavailable", `partition ${part}: ${errorName(code)}`));
      return;
    }
    failuresOf.delete(feed);
    if (records === null || records.length === 0) return;
    const batches = readBatches(records);
    const count = batches.reduce((sum, batch) => sum + (batch.records?.length ?? 0), 0);
    feed.take(batches);
    options.fetched(count, records.length);
  };

  const fetchOnce = async (node: number, asked: readonly Feed[], leftOut: boolean): Promise<void> => {
    const connection = await connected(node);
    const byPart = new Map(asked.map((feed) => [feed.part, feed]));
    const bounds = { waitMs: leftOut ? shortWaitMs : waitMs, bytes: fetchBytes, partBytes: fetchBytes };
    const from = asked.map((feed) => ({ part: feed.part, offset: feed.next()! }));
    const answer = await fetchFrom(connection, topicId, bounds, from).catch((error: unknown) => {
      disconnect(node);
      throw error;
    });
    if (answer.code !== ErrorCode.none) throw new Failure("unavailable", errorName(answer.code));
    options.answered();
    for (const one of answer.parts) {
      const feed = byPart.get(one.part);
      if (feed) deliver(feed, one);
    }
  };

  const run = async (node: number): Promise<void> => {
    for (let failures = 0; !stopped; ) {
      const { asked, leftOut } = askable(node);
      if (asked.length === 0) break;
      try {
        await fetchOnce(node, asked, leftOut);
        failures = 0;
      } catch (error) {
        troubled(`fetching from Kafka's broker ${node}`, error);
        await pauses.pause(backoffMs(backoff, failures++, random()));
        await refresh().catch((reason) => troubled("asking who leads", reason));
      }
    }
    running.delete(node);
    wake();
  };

  /** Parts whose start or whose leader isn't known. */
  const lost = (): Feed[] =>
    [...feeds].filter((feed) => feed.fed() && (feed.next() === null || leaderOf(feed) === null));

  const seek = async (): Promise<void> => {
    for (let failures = 0; !stopped && lost().length > 0; failures++) {
      try {
        if (failures > 0) await refresh();
        await Promise.all(
          lost()
            .filter((feed) => feed.next() === null && leaderOf(feed) !== null)
            .map(async (feed) => feed.begin(await offsets.first(feed.part))),
        );
      } catch (error) {
        troubled("asking where partitions begin", error);
      }
      if (lost().length > 0) await pauses.pause(backoffMs(backoff, failures, random()));
    }
    seeking = false;
    wake();
  };

  const wake = (): void => {
    if (stopped) return;
    if (!seeking && lost().length > 0) {
      seeking = true;
      void seek();
    }
    const nodes = new Set([...feeds].map(leaderOf));
    for (const node of nodes) {
      if (node === null || running.has(node) || askable(node).asked.length === 0) continue;
      running.add(node);
      void run(node);
    }
  };

  return {
    add(feed) {
      feeds.add(feed);
      wake();
    },
    remove: (feed) => void feeds.delete(feed),
    wake,
    stop() {
      stopped = true;
      pauses.end();
      for (const node of [...connections.keys()]) disconnect(node);
    },
  };
}
