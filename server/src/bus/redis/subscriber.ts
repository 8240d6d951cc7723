import type { StreamName } from "@carillon/protocol/stream";
import type { Clock } from "../../clock.ts";
import { Failure } from "../../errors.ts";
import type { BusListener, BusMessage } from "../driver.ts";
import { decodePayload } from "../wire.ts";
import type { RedisConnection } from "./connection.ts";

export interface SubscriberOptions {
  readonly listener: BusListener;
  readonly clock: Clock;
  /** What stands before a stream's name in the name of its channel. */
  readonly prefix: string;
  readonly unreadable: () => void;
  /** The server refused, or the connection broke. */
  readonly failed: (connection: RedisConnection, reason: unknown) => void;
}

/** The streams of one server: what is wanted, and what the server has been told of it. */
export interface Subscriber {
  /** Subscribes to all that is wanted. Rejects when the server refuses, or the connection breaks. */
  opened(connection: RedisConnection): Promise<void>;
  closed(): void;
  stop(): void;
  subscribe(stream: StreamName): Promise<void>;
  unsubscribe(stream: StreamName): void;
}

interface Waiting {
  resolve(): void;
  reject(reason: Failure): void;
}

/** A command names so many channels at most: no answer of the server is large, and no other waits for long. */
const channelsMost = 1_000;

/**
 * One command is under way at a time, and the next takes all that has gathered meanwhile.
 *
 * A stream that is wanted while the server is away counts as subscribed, and as losing everything: whoever
 * wants it can go on, and is told to check it when the server has it at last.
 */
export function makeSubscriber({
  listener,
  clock,
  prefix,
  unreadable,
  failed,
}: SubscriberOptions): Subscriber {
  /** With who waits for the server to confirm: nobody any more, where it went without. */
  const wanted = new Map<StreamName, Waiting | null>();
  const present = new Set<StreamName>();
  /** Streams for which what is wanted and what the server has may differ. */
  const differing = new Set<StreamName>();
  let current: RedisConnection | null = null;
  let away = false;
  let stopped = false;
  let syncing = false;
  let arrived: BusMessage[] = [];

  function deliver(): void {
    const messages = arrived;
    arrived = [];
    for (const message of messages) if (wanted.has(message.stream)) listener.message(message);
  }

  /** Handed on in a turn of its own: what a listener throws is none of the client's business. */
  function heard(payload: Buffer): void {
    const messages = decodePayload(payload.toString());
    if (messages === null) return unreadable();
    if (arrived.length === 0) clock.soon(deliver);
    for (const message of messages) arrived.push(message);
  }

  function confirm(streams: readonly StreamName[]): void {
    const suspects: StreamName[] = [];
    for (const stream of streams) {
      const waiting = wanted.get(stream);
      if (waiting === undefined) continue;
      if (waiting === null) suspects.push(stream);
      waiting?.resolve();
      wanted.set(stream, null);
    }
    if (suspects.length > 0) listener.suspect(suspects);
  }

  function take(): StreamName[] {
    const some: StreamName[] = [];
    for (const stream of differing) {
      if (some.length === channelsMost) break;
      differing.delete(stream);
      some.push(stream);
    }
    return some;
  }

  const channels = (streams: readonly StreamName[]): string[] => streams.map((stream) => prefix + stream);

  async function sync(to: RedisConnection): Promise<void> {
    if (syncing || current !== to) return;
    syncing = true;
    while (current === to && differing.size > 0) {
      const some = take();
      const added = some.filter((stream) => wanted.has(stream) && !present.has(stream));
      const removed = some.filter((stream) => !wanted.has(stream) && present.has(stream));
      confirm(some.filter((stream) => wanted.has(stream) && present.has(stream)));
      await Promise.all([
        added.length > 0 && to.client.subscribe(channels(added), heard, true),
        removed.length > 0 && to.client.unsubscribe(channels(removed), heard, true),
      ]);
      if (current !== to) return;
      for (const stream of added) present.add(stream);
      for (const stream of removed) present.delete(stream);
      confirm(added);
    }
    if (current === to) syncing = false;
  }

  function differs(stream: StreamName): void {
    differing.add(stream);
    const to = current;
    if (to !== null && !syncing && differing.size === 1)
      clock.soon(() => void sync(to).catch((reason) => failed(to, reason)));
  }

  return {
    opened(to) {
      current = to;
      away = false;
      for (const stream of wanted.keys()) differing.add(stream);
      return sync(to);
    },

    closed() {
      current = null;
      away = true;
      syncing = false;
      present.clear();
      differing.clear();
      for (const [stream, waiting] of wanted) {
        if (waiting === null) continue;
        wanted.set(stream, null);
        waiting.resolve();
      }
    },

    stop() {
      stopped = true;
      current = null;
      for (const waiting of wanted.values()) waiting?.reject(new Failure("stopped", "the bus is stopping"));
      wanted.clear();
    },

    subscribe(stream) {
      if (stopped) return Promise.reject(new Failure("stopped", "the bus is not running"));
      return new Promise((resolve, reject) => {
        wanted.set(stream, away ? null : { resolve, reject });
        if (away) resolve();
        differs(stream);
      });
    },

    unsubscribe(stream) {
      const waiting = wanted.get(stream);
      wanted.delete(stream);
      waiting?.resolve();
      differs(stream);
    },
  };
}
