/**
 * Where a partition begins and ends, and the witness: the committed offset of a group that nobody joins, which is
 * what Kafka's own tools measure lag by.
 */
import {
  type Connection,
  FindCoordinatorKeyTypes,
  findCoordinatorV4,
  listOffsetsV7,
  offsetCommitV8,
  offsetFetchV8,
} from "@platformatic/kafka";
import { type Backoff, backoffMs } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import type { Failure } from "../../errors.ts";
import type { Place } from "../driver.ts";
import type { Cluster } from "./cluster.ts";
import { unavailable } from "./failure.ts";
import { makePauses } from "./pauses.ts";

export interface OffsetsOptions {
  readonly cluster: Cluster;
  readonly topic: string;
  readonly clock: Clock;
  readonly random: () => number;
  troubled(failure: Failure): void;
}

export interface Offsets {
  first(part: number): Promise<bigint>;
  place(part: number): Promise<Place>;
  witness(part: number, next: string): void;
  /** Writes what was witnessed and not yet written, where that is quickly done. */
  stop(): Promise<void>;
}

const earliest = -2n;
const latest = -1n;
const consumerId = -1;
const readUncommitted = 0;
const requestTimeoutMs = 5_000;
const patienceMs = 5_000;
const backoff: Backoff = { baseMs: 50, maxMs: 1_000 };
const witnessEveryMs = 1_000;
/** At a stop, for what was witnessed and not yet written. */
const lastWriteMs = 2_000;
const noMember = -1;

const groupOf = (topic: string): string => `carillon.${topic}`;

export function makeOffsets({ cluster, topic, clock, random, troubled }: OffsetsOptions): Offsets {
  const group = groupOf(topic);
  const pauses = makePauses(clock);
  const connections = new Map<number, Promise<Connection>>();
  const unwritten = new Map<number, bigint>();
  let coordinator: number | undefined;
  let writing: Promise<void> | undefined;
  let cancel: (() => void) | undefined;
  let stopped = false;

  const on = async <T>(node: number, question: (connection: Connection) => Promise<T>): Promise<T> => {
    let opening = connections.get(node);
    if (!opening) {
      opening = cluster.connect(node, requestTimeoutMs);
      connections.set(node, opening);
    }
    try {
      return await question(await opening);
    } catch (error) {
      connections.delete(node);
      opening.then(
        (connection) => connection.socket.destroy(),
        () => {},
      );
      throw error;
    }
  };

  const list = async (part: number, timestamps: readonly bigint[]): Promise<bigint[]> => {
    const leader = cluster.topic()?.partitions[part]?.leader ?? null;
    if (leader === null) throw new Error("it has no leader");
    return Promise.all(
      timestamps.map(async (timestamp) => {
        const partitions = [{ partitionIndex: part, currentLeaderEpoch: -1, timestamp }];
        const { topics } = await on(leader, (connection) =>
          listOffsetsV7.api.async(connection, consumerId, readUncommitted, [{ name: topic, partitions }]),
        );
        return topics[0]!.partitions[0]!.offset;
      }),
    );
  };

  /** Leaders move, and a coordinator is made when it is first asked for: until `patienceMs` is over. */
  const patiently = async <T>(what: string, question: () => Promise<T>): Promise<T> => {
    const until = clock.now() + patienceMs;
    for (let attempts = 0; ; attempts++) {
      try {
        if (attempts > 0) await cluster.refresh();
        return await question();
      } catch (error) {
        coordinator = undefined;
        if (stopped || clock.now() > until) throw unavailable(what, error);
      }
      await pauses.pause(backoffMs(backoff, attempts, random()));
    }
  };

  const atCoordinator = async <T>(question: (connection: Connection) => Promise<T>): Promise<T> => {
    if (coordinator === undefined) {
      const { coordinators } = await cluster.ask((connection) =>
        findCoordinatorV4.api.async(connection, FindCoordinatorKeyTypes.GROUP, [group]),
      );
      coordinator = coordinators[0]!.nodeId;
    }
    return on(coordinator, question);
  };

  const witnessed = async (part: number): Promise<string | null> => {
    const { groups } = await atCoordinator((connection) =>
      offsetFetchV8.api.async(
        connection,
        [{ groupId: group, memberEpoch: noMember, topics: [{ name: topic, partitionIndexes: [part] }] }],
        false,
      ),
    );
    const offset = groups[0]?.topics[0]?.partitions[0]?.committedOffset ?? -1n;
    return offset < 0n ? null : String(offset);
  };

  const write = async (): Promise<void> => {
    const some = [...unwritten];
    if (some.length === 0) return;
    const partitions = some.map(([part, next]) => ({
      partitionIndex: part,
      committedOffset: next,
      committedLeaderEpoch: -1,
      committedMetadata: "",
    }));
    try {
      await atCoordinator((connection) =>
        offsetCommitV8.api.async(connection, group, noMember, "", null, [{ name: topic, partitions }]),
      );
      for (const [part, next] of some) if (unwritten.get(part) === next) unwritten.delete(part);
    } catch (error) {
      coordinator = undefined;
      if (!stopped) troubled(unavailable("the witness can't be written", error));
    }
  };

  const plan = (): void => {
    if (stopped || cancel || writing || unwritten.size === 0) return;
    cancel = clock.after(witnessEveryMs, () => {
      cancel = undefined;
      writing = write().finally(() => {
        writing = undefined;
        plan();
      });
    });
  };

  return {
    first: (part) =>
      patiently(`where partition ${part} begins`, async () => (await list(part, [earliest]))[0]!),
    place: (part) =>
      patiently(`where partition ${part} stands`, async () => {
        const [[first, end], witness] = await Promise.all([list(part, [earliest, latest]), witnessed(part)]);
        const unsaid = unwritten.get(part);
        return {
          first: String(first),
          end: String(end),
          witnessed: unsaid === undefined ? witness : String(unsaid),
        };
      }),
    witness(part, next) {
      unwritten.set(part, BigInt(next));
      plan();
    },
    async stop() {
      stopped = true;
      cancel?.();
      pauses.end();
      let giveUp = (): void => {};
      const late = new Promise<void>((resolve) => {
        giveUp = clock.after(lastWriteMs, resolve);
      });
      await Promise.race([late, Promise.resolve(writing).then(write)]);
      giveUp();
    },
  };
}
