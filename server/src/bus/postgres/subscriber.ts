import type { StreamName } from "@carillon/protocol/stream";
import { escapeIdentifier } from "pg";
import type { Clock } from "../../clock.ts";
import { Failure } from "../../errors.ts";
import type { BusListener, BusMessage } from "../driver.ts";
import { decodePayload } from "../wire.ts";
import type { PostgresConnection } from "./connection.ts";
import { isProbe } from "./probe.ts";

export interface SubscriberOptions {
  readonly listener: BusListener;
  readonly clock: Clock;
  readonly channel: string;
  readonly unreadable: () => void;
  readonly probed: (payload: string) => void;
}

/** One connection hears everything, and drops what isn't subscribed to. */
export interface Subscriber {
  opened(connection: PostgresConnection): Promise<void>;
  closed(): void;
  stop(): void;
  subscribe(stream: StreamName): Promise<void>;
  unsubscribe(stream: StreamName): void;
}

/**
 *   connecting --opened--> listening <--opened, all suspect-- away
 *        '-----closed------>  away         '------closed-------^
 *
 * While connecting, who subscribes waits; while it is away a stream counts as subscribed and as losing everything.
 */
export function makeSubscriber(options: SubscriberOptions): Subscriber {
  const { listener, clock, channel, unreadable, probed } = options;
  const wanted = new Set<StreamName>();
  const connected = Promise.withResolvers<void>();
  connected.promise.catch(() => {});
  let away = false;
  let stopped = false;
  let arrived: BusMessage[] = [];

  function deliver(): void {
    const messages = arrived;
    arrived = [];
    for (const message of messages) if (wanted.has(message.stream)) listener.message(message);
  }

  /** Handed on in a turn of its own: what a listener throws is none of the client's business. */
  function heard(payload: string): void {
    if (isProbe(payload)) return probed(payload);
    const messages = decodePayload(payload);
    if (messages === null) return unreadable();
    if (arrived.length === 0) clock.soon(deliver);
    for (const message of messages) arrived.push(message);
  }

  return {
    async opened(connection) {
      connection.onNotification((name, payload) => {
        if (name === channel) heard(payload);
      });
      await connection.query({ text: `LISTEN ${escapeIdentifier(channel)}` });
      connected.resolve();
      if (away && wanted.size > 0) listener.suspect(wanted);
      away = false;
    },

    closed() {
      away = true;
      connected.resolve();
    },

    stop() {
      stopped = true;
      connected.reject(new Failure("stopped", "the bus is stopping"));
      wanted.clear();
    },

    subscribe(stream) {
      if (stopped) return Promise.reject(new Failure("stopped", "the bus is not running"));
      wanted.add(stream);
      return connected.promise;
    },

    unsubscribe(stream) {
      wanted.delete(stream);
    },
  };
}
