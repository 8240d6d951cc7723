/**
 * Whether the log's topic may be used as it is. The number of partitions is fixed for ever (a stream's place is
 * derived from it), and what Kafka has acknowledged must survive the loss of a broker.
 */
import { ConfigResourceTypes, createTopicsV7, describeConfigsV4, ResponseError } from "@platformatic/kafka";
import type { Cluster } from "./cluster.ts";
import { answerIn, unavailable } from "./failure.ts";

export interface TopicState {
  readonly name: string;
  readonly partitions: number;
  readonly replication: number;
  readonly brokers: number;
  /** Null where this client may not see them. */
  readonly settings: ReadonlyMap<string, string> | null;
}

export interface Verdict {
  /** Why it can't be used; null when it can. */
  readonly refusal: string | null;
  readonly warnings: readonly string[];
  /** The most bytes of one batch for one partition. */
  readonly batchBytes: number;
}

const dayMs = 86_400_000;
const createdRetentionMs = 7 * dayMs;
const usualBatchBytes = 1_048_588;
const largestBatchBytes = 4 << 20;
/** Room for one notification of the largest size, and some. */
const smallestBatchBytes = 256 << 10;

const numberIn = (settings: ReadonlyMap<string, string>, name: string, otherwise: number): number => {
  const value = Number(settings.get(name) ?? Number.NaN);
  return Number.isFinite(value) ? value : otherwise;
};

/** Pure. `acceptUnsafe` turns what may lose acknowledged records from a refusal into a warning. */
export function judgeTopic(state: TopicState, parts: number, acceptUnsafe: boolean): Verdict {
  const { name, partitions, replication, brokers, settings } = state;
  const refusals: string[] = [];
  const warnings: string[] = [];
  const unsafe = acceptUnsafe ? warnings : refusals;
  if (partitions !== parts) {
    refusals.push(
      `the topic ${name} has ${partitions} partitions, and the store was made with ${parts} parts: neither can ` +
        "change, so name another topic, or another database",
    );
  }
  if (brokers < 2) {
    warnings.push(`Kafka has one broker: what it acknowledged is lost with its disk`);
  } else if (replication < 2) {
    unsafe.push(`the topic ${name} has one replica: raise its replication factor to 3`);
  }
  if (settings === null) {
    warnings.push(`the settings of the topic ${name} can't be read: allow DescribeConfigs on it`);
    return { refusal: refusals.join("; ") || null, warnings, batchBytes: usualBatchBytes };
  }
  if (replication >= 2 && numberIn(settings, "min.insync.replicas", 1) < 2) {
    unsafe.push(`the topic ${name} acknowledges with one replica: set min.insync.replicas=2`);
  }
  if (settings.get("unclean.leader.election.enable") === "true" && replication >= 2) {
    unsafe.push(
      `the topic ${name} may lose records when a leader fails: set unclean.leader.election.enable=false`,
    );
  }
  if (settings.get("cleanup.policy")?.includes("compact")) {
    refusals.push(`the topic ${name} is compacted, which deletes notifications: set cleanup.policy=delete`);
  }
  const retentionMs = numberIn(settings, "retention.ms", -1);
  if (retentionMs >= 0 && retentionMs < dayMs) {
    warnings.push(`the topic ${name} keeps records for less than a day (retention.ms=${retentionMs})`);
  }
  if (numberIn(settings, "retention.bytes", -1) >= 0) {
    warnings.push(`the topic ${name} deletes what hasn't been read when it is full (retention.bytes)`);
  }
  const batchBytes = numberIn(settings, "max.message.bytes", usualBatchBytes);
  if (batchBytes < smallestBatchBytes) {
    refusals.push(
      `the topic ${name} takes ${batchBytes} bytes at a time: set max.message.bytes=${usualBatchBytes}`,
    );
  }
  return {
    refusal: refusals.join("; ") || null,
    warnings,
    batchBytes: Math.min(batchBytes, largestBatchBytes),
  };
}

const topicExists = 36;
const createTimeoutMs = 4_000;

export async function createTopic(
  cluster: Cluster,
  name: string,
  parts: number,
  replication: number,
): Promise<void> {
  const configs = [
    { name: "cleanup.policy", value: "delete" },
    { name: "retention.ms", value: String(createdRetentionMs) },
    { name: "min.insync.replicas", value: String(Math.min(2, replication)) },
    { name: "unclean.leader.election.enable", value: "false" },
    // The broker's clock decides what retention deletes, whatever the receivers' clocks say.
    { name: "message.timestamp.type", value: "LogAppendTime" },
  ];
  const topic = { name, numPartitions: parts, replicationFactor: replication, assignments: [], configs };
  try {
    await cluster.ask((connection) => createTopicsV7.api.async(connection, [topic], createTimeoutMs, false));
  } catch (error) {
    if (error instanceof ResponseError && error.findBy("apiCode", topicExists) !== null) return;
    throw unavailable(`the topic ${name} couldn't be created`, error);
  }
}

export async function readSettings(
  cluster: Cluster,
  name: string,
): Promise<ReadonlyMap<string, string> | null> {
  const resource = { resourceType: ConfigResourceTypes.TOPIC, resourceName: name };
  try {
    const { results } = await cluster.ask((connection) =>
      describeConfigsV4.api.async(connection, [resource], false, false),
    );
    return new Map(results[0]!.configs.map(({ name: key, value }) => [key, value ?? ""]));
  } catch (error) {
    if (answerIn(error) !== undefined) return null;
    throw error;
  }
}
