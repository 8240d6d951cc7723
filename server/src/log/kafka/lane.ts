/**
 * A producer: it writes the partitions that are bound to it, one send at a time, and what arrives meanwhile forms
 * the next. Kafka knows it by its id and epoch, and each record by its number in its partition.
 *
 * A send is over when each of its batches was answered for good. Until then it is repeated, the same bytes under the
 * same numbers: a batch that Kafka has already is not appended again, and nothing behind it is sent, so that nothing
 * overtakes it, however long Kafka is away and whichever of its brokers takes over. A request that was given up and
 * reaches a broker late carries old numbers and is refused.
 *
 * When a broker doesn't know the numbers any more (its data was lost), they begin anew under the next epoch, which
 * shuts out requests of the one before. What was under way may then be appended twice; identity makes that harmless.
 */
import { type Connection, initProducerIdV4 } from "@platformatic/kafka";
import { type Backoff, backoffMs } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import { Failure } from "../../errors.ts";
import type { Cluster } from "./cluster.ts";
import { unavailable } from "./failure.ts";
import { makePauses } from "./pauses.ts";
import { encodeBatch, type Message } from "./record-batch.ts";
import { ErrorCode, errorName, type Produced, produceTo } from "./requests.ts";

/** The records of one append for one partition, or as many of them as one send holds. */
export interface Piece {
  readonly part: number;
  readonly messages: readonly Message[];
  readonly bytes: number;
  /** Called once: null when Kafka has all of them. */
  settle(failure: Failure | null): void;
}

export interface LaneOptions {
  readonly cluster: Cluster;
  readonly topic: string;
  readonly clock: Clock;
  readonly random: () => number;
  /** The most in a send, and the most of it for one partition. */
  readonly sendRecords: number;
  readonly sendBytes: number;
  readonly batchBytes: () => number;
  /** How long Kafka may take to have a send on all in-sync replicas. */
  readonly replicateMs: number;
  /** How long a connection may be silent before it is given up. */
  readonly requestTimeoutMs: number;
  sent(records: number, tookMs: number): void;
  troubled(failure: Failure): void;
}

export interface Lane {
  push(piece: Piece): void;
  /** Takes pieces out that aren't being sent. */
  withdraw(which: (piece: Piece) => boolean): void;
  /** For how long the send under way has been; 0 without one. */
  sendingMs(): number;
  /** Resolves when nothing is left to send. */
  idle(): Promise<void>;
  /** Gives up what is under way: its fate is unknown. */
  abort(): void;
}

interface Identity {
  readonly producerId: bigint;
  readonly epoch: number;
}

interface PartSend {
  readonly part: number;
  readonly pieces: Piece[];
  readonly messages: Message[];
  bytes: number;
  encoded: { readonly identity: Identity; readonly bytes: Buffer } | undefined;
}

const backoff: Backoff = { baseMs: 50, maxMs: 1_000 };
const lastEpoch = 32_767;
const producerIdTimeoutMs = 60_000;

/** Sending again can't help: the records or the rights are at fault. */
const refusals: ReadonlySet<number> = new Set([
  ErrorCode.messageTooLarge,
  ErrorCode.recordListTooLarge,
  ErrorCode.topicAuthorizationFailed,
  ErrorCode.clusterAuthorizationFailed,
  ErrorCode.invalidTimestamp,
  ErrorCode.policyViolation,
  ErrorCode.invalidRecord,
]);
const forgotten: ReadonlySet<number> = new Set([
  ErrorCode.outOfOrderSequence,
  ErrorCode.unknownProducerId,
  ErrorCode.invalidProducerEpoch,
]);

export function makeLane(options: LaneOptions): Lane {
  const { cluster, topic, clock, random } = options;
  const pauses = makePauses(clock);
  const connections = new Map<number, Promise<Connection>>();
  /** The number of the next record of each partition, under the identity. */
  const sequences = new Map<number, number>();
  let identity: Identity | undefined;
  let queue: Piece[] = [];
  let running: Promise<void> | undefined;
  let due = false;
  let since: number | undefined;
  let aborted = false;

  const take = (): PartSend[] => {
    const sends = new Map<number, PartSend>();
    const mostOfPart = options.batchBytes();
    let records = 0;
    let bytes = 0;
    let count = 0;
    for (const piece of queue) {
      const { part } = piece;
      const send = sends.get(part) ?? { part, pieces: [], messages: [], bytes: 0, encoded: undefined };
      const fits =
        records + piece.messages.length <= options.sendRecords &&
        bytes + piece.bytes <= options.sendBytes &&
        send.bytes + piece.bytes <= mostOfPart;
      if (count > 0 && !fits) break;
      sends.set(part, send);
      send.pieces.push(piece);
      for (const message of piece.messages) send.messages.push(message);
      send.bytes += piece.bytes;
      records += piece.messages.length;
      bytes += piece.bytes;
      count++;
    }
    queue = queue.slice(count);
    return [...sends.values()];
  };

  const identify = async (): Promise<Identity> => {
    if (identity) return identity;
    const answer = await cluster.ask((connection) =>
      initProducerIdV4.api.async(connection, null, producerIdTimeoutMs, -1n, -1),
    );
    identity = { producerId: answer.producerId, epoch: answer.producerEpoch };
    return identity;
  };

  const beginAnew = (code: number): void => {
    sequences.clear();
    const fromEpoch =
      identity !== undefined && code !== ErrorCode.invalidProducerEpoch ? identity.epoch : lastEpoch;
    identity = identity && fromEpoch < lastEpoch ? { ...identity, epoch: fromEpoch + 1 } : undefined;
  };

  const bytesOf = (send: PartSend, mine: Identity): Buffer => {
    if (send.encoded?.identity !== mine) {
      const first = sequences.get(send.part) ?? 0;
      const bytes = encodeBatch(send.messages, clock.now(), { ...mine, first });
      send.encoded = { identity: mine, bytes };
    }
    return send.encoded.bytes;
  };

  const disconnect = async (node: number): Promise<void> => {
    const connection = connections.get(node);
    connections.delete(node);
    (await connection?.catch(() => undefined))?.socket.destroy();
  };

  const sendTo = async (node: number, sends: readonly PartSend[], mine: Identity): Promise<Produced[]> => {
    let opening = connections.get(node);
    if (!opening) {
      opening = cluster.connect(node, options.requestTimeoutMs);
      connections.set(node, opening);
    }
    try {
      const batches = sends.map((send) => ({ part: send.part, bytes: bytesOf(send, mine) }));
      return await produceTo(await opening, topic, options.replicateMs, batches);
    } catch (error) {
      await disconnect(node);
      throw error;
    }
  };

  const finish = (send: PartSend, failure: Failure | null): void => {
    for (const piece of send.pieces) piece.settle(failure);
  };

  /** Answers with the sends that are to be repeated. */
  const settle = (sends: readonly PartSend[], answers: readonly Produced[]): PartSend[] => {
    const again: PartSend[] = [];
    let lost: number | undefined;
    let trouble: Failure | undefined;
    for (const send of sends) {
      const answer = answers.find(({ part }) => part === send.part);
      if (answer?.code === ErrorCode.none || answer?.code === ErrorCode.duplicateSequence) {
        const next = (sequences.get(send.part) ?? 0) + send.messages.length;
        sequences.set(send.part, next % 2 ** 31);
        finish(send, null);
        continue;
      }
      const name = answer ? errorName(answer.code) : "no answer";
      const text = `Kafka didn't append to partition ${send.part}: ${name}${answer?.message ? `, ${answer.message}` : ""}`;
      if (answer && refusals.has(answer.code)) {
        trouble = new Failure("unavailable", text);
        finish(send, trouble);
        continue;
      }
      if (answer && forgotten.has(answer.code)) lost = answer.code;
      if (answer) trouble = new Failure("unavailable", text);
      again.push(send);
    }
    if (lost !== undefined) beginAnew(lost);
    if (trouble) options.troubled(trouble);
    return again;
  };

  const attempt = async (sends: readonly PartSend[]): Promise<PartSend[]> => {
    const mine = await identify();
    const byLeader = Map.groupBy(sends, ({ part }) => cluster.topic()?.partitions[part]?.leader ?? null);
    const answers = await Promise.all(
      [...byLeader].map(async ([leader, some]): Promise<Produced[]> => {
        if (leader === null) return [];
        try {
          return await sendTo(leader, some, mine);
        } catch (error) {
          options.troubled(unavailable(`Kafka's broker ${leader} failed`, error));
          return [];
        }
      }),
    );
    return settle(sends, answers.flat());
  };

  const deliver = async (sends: PartSend[]): Promise<void> => {
    let left = sends;
    for (let attempts = 0; ; attempts++) {
      try {
        left = await attempt(left);
        if (left.length === 0) return;
      } catch (error) {
        options.troubled(unavailable("Kafka gives no producer id", error));
      }
      if (!aborted) await pauses.pause(backoffMs(backoff, attempts, random()));
      if (aborted) {
        const failure = new Failure("unavailable", "the log stopped before Kafka answered");
        for (const send of left) finish(send, failure);
        return;
      }
      await cluster.refresh().catch(options.troubled);
    }
  };

  const run = async (): Promise<void> => {
    while (queue.length > 0) {
      const sends = take();
      const startedAt = clock.now();
      since = startedAt;
      await deliver(sends);
      since = undefined;
      options.sent(
        sends.reduce((sum, { messages }) => sum + messages.length, 0),
        clock.now() - startedAt,
      );
    }
    running = undefined;
  };

  const wake = (): void => {
    if (due || running) return;
    due = true;
    // At the end of the turn, so that what arrives together is sent together.
    clock.soon(() => {
      due = false;
      if (queue.length > 0) running ??= run();
    });
  };

  return {
    push(piece) {
      queue.push(piece);
      wake();
    },
    withdraw(which) {
      queue = queue.filter((piece) => !which(piece));
    },
    sendingMs: () => (since === undefined ? 0 : clock.now() - since),
    async idle() {
      if (queue.length > 0) running ??= run();
      await running;
    },
    abort() {
      aborted = true;
      pauses.end();
      for (const node of [...connections.keys()]) void disconnect(node);
    },
  };
}
