/**
 * The brokers: who leads which partition of the topic, and connections to them. Whoever asks for a connection owns
 * it; one of the cluster's own serves questions that any broker answers.
 */
import { Connection, type ConnectionOptions, metadataV12 } from "@platformatic/kafka";
import { Failure } from "../../errors.ts";
import { answerIn, unreachable } from "./failure.ts";
import { ErrorCode } from "./requests.ts";

export interface Partition {
  /** Null while there is none. */
  readonly leader: number | null;
  readonly replicas: number;
}

export interface TopicView {
  readonly id: string;
  readonly partitions: readonly Partition[];
}

export interface ClusterOptions {
  /** Host:port of some brokers; the others are learnt from them. */
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly clientId: string;
  readonly connection: Pick<ConnectionOptions, "tls" | "sasl" | "connectTimeout">;
}

export interface Cluster {
  /** As of the last refresh; null where there is no such topic. */
  topic(): TopicView | null;
  brokers(): number;
  /** Single flight. Rejects with `unavailable` when no broker answers. */
  refresh(): Promise<void>;
  connect(node: number, requestTimeoutMs: number): Promise<Connection>;
  /** Asks any broker; the connection is given up when the question fails without an answer. */
  ask<T>(question: (connection: Connection) => Promise<T>): Promise<T>;
  close(): void;
}

interface Address {
  readonly host: string;
  readonly port: number;
}

const defaultPort = 9092;
const connectTimeoutMs = 5_000;
const askTimeoutMs = 5_000;

function parseAddress(text: string): Address {
  const url = URL.canParse(`kafka://${text}`) ? new URL(`kafka://${text}`) : null;
  if (!url?.hostname) throw new Failure("unusable", `"${text}" is not the host:port of a Kafka broker`);
  return { host: url.hostname.replace(/^\[|\]$/g, ""), port: Number(url.port) || defaultPort };
}

export function makeCluster(options: ClusterOptions): Cluster {
  const seeds = options.brokers.map(parseAddress);
  const nodes = new Map<number, Address>();
  const connections = new Set<Connection>();
  let topic: TopicView | null = null;
  let anyConnection: Promise<Connection> | undefined;
  let turn = 0;
  let refreshing: Promise<void> | undefined;
  let closed = false;

  const open = async ({ host, port }: Address, requestTimeoutMs: number): Promise<Connection> => {
    if (closed) throw new Failure("stopped", "the log is stopping");
    const connection = new Connection(options.clientId, {
      connectTimeout: connectTimeoutMs,
      ...options.connection,
      requestTimeout: requestTimeoutMs,
    });
    connection.on("error", () => {});
    connections.add(connection);
    connection.once("close", () => connections.delete(connection));
    try {
      await connection.connect(host, port);
    } catch (error) {
      connections.delete(connection);
      throw unreachable(`Kafka at ${host}:${port} can't be reached`, error);
    }
    if (closed) connection.socket.destroy();
    return connection;
  };

  const openAny = async (): Promise<Connection> => {
    const addresses = [...seeds, ...nodes.values()];
    for (let tries = 1; ; tries++) {
      try {
        return await open(addresses[turn % addresses.length]!, askTimeoutMs);
      } catch (error) {
        turn++;
        if (tries >= addresses.length || closed) throw error;
      }
    }
  };

  const ask = async <T>(question: (connection: Connection) => Promise<T>): Promise<T> => {
    anyConnection ??= openAny();
    const mine = anyConnection;
    try {
      const connection = await mine;
      if (connection.isConnected()) return await question(connection);
      throw new Failure("unavailable", "the connection to Kafka was lost");
    } catch (error) {
      if (answerIn(error) === undefined && anyConnection === mine) {
        anyConnection = undefined;
        turn++;
        mine.then(
          (connection) => connection.socket.destroy(),
          () => {},
        );
      }
      throw error;
    }
  };

  const learn = async (): Promise<void> => {
    const answer = await ask(async (connection) => {
      try {
        return await metadataV12.api.async(connection, [options.topic], false, false);
      } catch (error) {
        const answered = answerIn(error);
        if (answered === undefined) throw error;
        return answered as Awaited<ReturnType<typeof metadataV12.api.async>>;
      }
    });
    nodes.clear();
    for (const { nodeId, host, port } of answer.brokers) nodes.set(nodeId, { host, port });
    const found = answer.topics.find(({ name }) => name === options.topic);
    if (found?.errorCode === ErrorCode.topicAuthorizationFailed) {
      throw new Failure("unusable", `Kafka doesn't allow this client to describe the topic ${options.topic}`);
    }
    if (!found || found.errorCode === ErrorCode.unknownTopicOrPartition) {
      topic = null;
      return;
    }
    const partitions: Partition[] = [];
    for (const { partitionIndex, leaderId, replicaNodes } of found.partitions) {
      const leader = nodes.has(leaderId) ? leaderId : null;
      partitions[partitionIndex] = { leader, replicas: replicaNodes.length };
    }
    if (partitions.length > 0) topic = { id: found.topicId, partitions };
  };

  const refreshOnce = async (): Promise<void> => {
    try {
      await learn();
    } catch (error) {
      throw unreachable("Kafka doesn't answer", error);
    } finally {
      refreshing = undefined;
    }
  };

  return {
    topic: () => topic,
    brokers: () => nodes.size,
    refresh() {
      refreshing ??= refreshOnce();
      return refreshing;
    },
    async connect(node, requestTimeoutMs) {
      const address = nodes.get(node);
      if (!address) throw new Failure("unavailable", `Kafka's broker ${node} isn't known`);
      return open(address, requestTimeoutMs);
    },
    ask,
    close() {
      closed = true;
      // Not in order: a frozen broker would never take the rest.
      for (const connection of connections) connection.socket?.destroy();
    },
  };
}
