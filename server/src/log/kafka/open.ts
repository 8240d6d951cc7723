/**
 * The log on Kafka: one partition a part, keyed by stream. An append is answered when all in-sync replicas have it;
 * parts are read from given offsets without a consumer group, because progress is the store's.
 */
import type { ConnectionOptions as TlsOptions } from "node:tls";
import { type Backoff, backoffMs } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import { Failure } from "../../errors.ts";
import type { LogDriver } from "../driver.ts";
import { makeCluster } from "./cluster.ts";
import { makeFeed } from "./feed.ts";
import { makeLane } from "./lane.ts";
import { makeOffsets } from "./offsets.ts";
import { makePauses } from "./pauses.ts";
import { makeProducers } from "./producers.ts";
import { makeReader, type Reader } from "./reader.ts";
import { createTopic, judgeTopic, readSettings } from "./topic.ts";

/** Called on the hot path: once a send, once a fetch and partition. */
export interface KafkaLogEvents {
  sent(records: number, tookMs: number): void;
  fetched(records: number, bytes: number): void;
  /** Something failed and is tried again; during an outage, about once a second from each producer and broker. */
  troubled(what: "append" | "consume" | "witness", failure: Failure): void;
  /** A send or a fetch went well; told of each, so that it has to cost nothing. */
  worked(what: "append" | "consume"): void;
  /** The start waits for this. */
  waiting(reason: string): void;
  /** The topic's settings may lose or delay something; told once, at the start. */
  warned(warning: string): void;
}

export interface KafkaLogOptions {
  /** Some brokers of the cluster, as host:port. */
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Partitions of the topic; fixed when it was made. */
  readonly parts: number;
  readonly clock: Clock;
  readonly clientId?: string;
  /** As for `tls.connect`; absent: unencrypted. */
  readonly tls?: Pick<TlsOptions, "ca" | "cert" | "key" | "passphrase" | "servername" | "rejectUnauthorized">;
  readonly sasl?: {
    readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";
    readonly username: string;
    readonly password: string;
  };
  /** Make the topic where there is none, with this many replicas (3, or as many as there are brokers). */
  readonly createTopic?: boolean;
  readonly replication?: number;
  /** Go on with a topic whose settings may lose acknowledged records. */
  readonly acceptUnsafe?: boolean;
  readonly producers?: number;
  /** How long an append may take before it is answered as unknown; by default 10 s. */
  readonly appendMs?: number;
  /** The most that waits, sends under way included; by default 20,000 records and 64 MB. */
  readonly queueRecords?: number;
  readonly queueBytes?: number;
  readonly events?: Partial<KafkaLogEvents>;
  readonly random?: () => number;
}

export interface KafkaLog extends LogDriver {
  /** Kafka's id of the topic, once started: another id is another log, whatever its name. */
  topicId(): string;
}

const batchRecords = 2_000;
const batchBytes = 4 << 20;
const mostReplicas = 3;
const startBackoff: Backoff = { baseMs: 250, maxMs: 5_000 };

export function openKafkaLog(options: KafkaLogOptions): KafkaLog {
  const { topic, parts, clock, events = {}, random = Math.random } = options;
  const { appendMs = 10_000, queueRecords = 20_000, queueBytes = 64 << 20 } = options;
  const troubled = (what: "append" | "consume" | "witness") => (failure: Failure) =>
    events.troubled?.(what, failure);
  const cluster = makeCluster({
    brokers: options.brokers,
    topic,
    clientId: options.clientId ?? "carillon",
    connection: {
      ...(options.tls && { tls: options.tls }),
      ...(options.sasl && { sasl: options.sasl }),
    },
  });
  const offsets = makeOffsets({ cluster, topic, clock, random, troubled: troubled("witness") });
  const pauses = makePauses(clock);
  let mostOfPart = batchBytes;
  let topicId: string | undefined;
  let reader: Reader | undefined;
  let stopping: Promise<void> | undefined;
  const consumed = new Map<number, () => Promise<void>>();

  const lanes = Array.from({ length: Math.min(parts, options.producers ?? 4) }, () =>
    makeLane({
      cluster,
      topic,
      clock,
      random,
      sendRecords: batchRecords,
      sendBytes: batchBytes,
      batchBytes: () => mostOfPart,
      replicateMs: appendMs * 0.5,
      requestTimeoutMs: appendMs * 0.8,
      sent: (records, tookMs) => {
        events.worked?.("append");
        events.sent?.(records, tookMs);
      },
      troubled: troubled("append"),
    }),
  );
  const producers = makeProducers({
    parts,
    lanes,
    clock,
    sendRecords: batchRecords,
    batchBytes: () => mostOfPart,
    queueRecords,
    queueBytes,
    deadlineMs: appendMs,
  });

  const prepare = async (): Promise<void> => {
    await cluster.refresh();
    if (cluster.topic() === null) {
      if (!options.createTopic) {
        throw new Failure(
          "unusable",
          `there is no topic ${topic} in Kafka: make it with ${parts} partitions`,
        );
      }
      await createTopic(
        cluster,
        topic,
        parts,
        options.replication ?? Math.min(mostReplicas, cluster.brokers()),
      );
      await cluster.refresh();
    }
    const found = cluster.topic();
    if (found === null) throw new Failure("unavailable", `the topic ${topic} is being made`);
    const verdict = judgeTopic(
      {
        name: topic,
        partitions: found.partitions.length,
        replication: Math.min(...found.partitions.map(({ replicas }) => replicas)),
        brokers: cluster.brokers(),
        settings: await readSettings(cluster, topic),
      },
      parts,
      options.acceptUnsafe ?? false,
    );
    if (verdict.refusal !== null) throw new Failure("unusable", verdict.refusal);
    for (const warning of verdict.warnings) events.warned?.(warning);
    mostOfPart = verdict.batchBytes;
    topicId = found.id;
    reader = makeReader({
      cluster,
      offsets,
      topicId,
      clock,
      random,
      fetched: (records, bytes) => events.fetched?.(records, bytes),
      answered: () => events.worked?.("consume"),
      troubled: troubled("consume"),
    });
  };

  const start = async (): Promise<void> => {
    for (let attempts = 0; ; attempts++) {
      if (stopping) throw new Failure("stopped", "the log was stopped");
      try {
        return await prepare();
      } catch (error) {
        if (stopping) continue;
        if (error instanceof Failure && error.code === "unusable") throw error;
        events.waiting?.(error instanceof Error ? error.message : String(error));
        await pauses.pause(backoffMs(startBackoff, attempts, random()));
      }
    }
  };

  const stop = async (): Promise<void> => {
    pauses.end();
    await producers.stop();
    reader?.stop();
    await Promise.all([...consumed.values()].map((stopOne) => stopOne()));
    await offsets.stop();
    cluster.close();
  };

  const started = (): { reader: Reader; id: string } => {
    if (!reader || topicId === undefined) throw new Failure("unavailable", "the log isn't started");
    return { reader, id: topicId };
  };

  return {
    parts,
    topicId: () => started().id,
    start,
    stop() {
      stopping ??= Promise.resolve().then(stop);
      return stopping;
    },
    append: (records) =>
      stopping ? Promise.reject(new Failure("stopped", "the log is stopping")) : producers.append(records),
    async consume(part, from, consumer) {
      if (part < 0 || part >= parts) throw new Error(`there is no part ${part}`);
      if (consumed.has(part)) throw new Error("the part has a consumer");
      if (stopping) throw new Failure("stopped", "the log is stopping");
      const { reader: fetching } = started();
      const feed = makeFeed({
        part,
        parts,
        from: from === null ? null : BigInt(from),
        consumer,
        batchRecords,
        batchBytes,
        drained: () => fetching.wake(),
      });
      const stopOne = async (): Promise<void> => {
        fetching.remove(feed);
        await feed.stop();
        if (consumed.get(part) === stopOne) consumed.delete(part);
      };
      consumed.set(part, stopOne);
      fetching.add(feed);
      return { stop: stopOne, failed: feed.failed };
    },
    place: (part) => offsets.place(part),
    witness: (part, next) => offsets.witness(part, next),
  };
}
