import type { StreamName } from "@carillon/protocol/stream";
import type { Clock } from "../../clock.ts";
import type { BusListener, BusMessage } from "../driver.ts";
import type { BusEvents } from "../events.ts";
import { type Link, makeLink } from "../link.ts";
import { makeStanding } from "../standing.ts";
import type { RedisAddress } from "./address.ts";
import { makeRedisConnection, type RedisConnection } from "./connection.ts";
import { makePublisher } from "./publisher.ts";
import { makeSubscriber } from "./subscriber.ts";

export interface ServerSettings {
  readonly channelPrefix: string;
  readonly clientName: string;
  readonly clock: Clock;
  readonly events: BusEvents;
  readonly patienceMs: number;
  readonly beatMs: number;
  readonly connectMs: number;
  readonly waitingMost: number;
}

/** One server: a connection that is subscribed, one that publishes, and what is told of both. */
export interface Server {
  start(): void;
  /** What was published is sent first, in a bounded time. */
  stop(): Promise<void>;
  publish(message: BusMessage): void;
  subscribe(stream: StreamName): Promise<void>;
  unsubscribe(stream: StreamName): void;
}

export function makeServer(address: RedisAddress, listener: BusListener, settings: ServerSettings): Server {
  const { channelPrefix, clientName, clock, events, patienceMs, beatMs, connectMs, waitingMost } = settings;
  const standing = makeStanding(address.name, events);

  const subscriber = makeSubscriber({
    listener,
    clock,
    prefix: channelPrefix,
    unreadable: () => events.dropped(1, "unreadable"),
    failed: (connection, reason) => subscribing.fail(connection, reason),
  });
  const publisher = makePublisher({
    clock,
    prefix: channelPrefix,
    dropped: events.dropped,
    failed: (connection, reason) => publishing.fail(connection, reason),
    patienceMs,
    waitingMost,
  });

  const link = (
    what: "subscriber" | "publisher",
    user: typeof subscriber | typeof publisher,
  ): Link<RedisConnection> =>
    makeLink({
      dial: (broke) => makeRedisConnection({ address, name: `${clientName}-${what}`, connectMs, broke }),
      clock,
      connectMs,
      beatMs,
      opened: user.opened,
      ready: () => standing.well(what),
      closed(problem) {
        user.closed();
        standing.wrong(what, problem);
      },
    });
  const subscribing = link("subscriber", subscriber);
  const publishing = link("publisher", publisher);

  return {
    start() {
      subscribing.start();
      publishing.start();
    },
    async stop() {
      subscribing.stop();
      subscriber.stop();
      await publisher.stop();
      publishing.stop();
    },
    publish: publisher.publish,
    subscribe: subscriber.subscribe,
    unsubscribe: subscriber.unsubscribe,
  };
}
