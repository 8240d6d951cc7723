import type { StreamName } from "@carillon/protocol/stream";
import type { Clock } from "../../clock.ts";
import type { BusListener, BusMessage } from "../driver.ts";
import type { BusEvents } from "../events.ts";
import type { RedisAddress } from "./address.ts";
import { type Link, makeLink } from "./link.ts";
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
  stop(): void;
  publish(message: BusMessage): void;
  subscribe(stream: StreamName): Promise<void>;
  unsubscribe(stream: StreamName): void;
}

export function makeServer(address: RedisAddress, listener: BusListener, settings: ServerSettings): Server {
  const { channelPrefix, clientName, clock, events, patienceMs, beatMs, connectMs, waitingMost } = settings;
  /** What is wrong with each connection; undefined until it is known. */
  const problems: (string | null | undefined)[] = [undefined, undefined];
  let told: string | null | undefined;

  function tell(which: number, problem: string | null): void {
    problems[which] = problem;
    const wrong = problems.find((one) => typeof one === "string");
    if (wrong !== undefined) {
      if (wrong !== told) events.troubled(address.name, wrong);
      told = wrong;
    } else if (told !== null && problems.every((one) => one === null)) {
      events.recovered(address.name);
      told = null;
    }
  }

  const subscriber = makeSubscriber({
    listener,
    clock,
    prefix: channelPrefix,
    unreadable: () => events.dropped(1, "unreadable"),
    failed: (client, reason) => subscribing.fail(client, reason),
  });
  const publisher = makePublisher({
    clock,
    prefix: channelPrefix,
    dropped: events.dropped,
    failed: (client, reason) => publishing.fail(client, reason),
    patienceMs,
    waitingMost,
  });

  const link = (which: number, what: string, user: typeof subscriber | typeof publisher): Link =>
    makeLink({
      address,
      name: `${clientName}-${what}`,
      clock,
      connectMs,
      beatMs,
      opened: user.opened,
      ready: () => tell(which, null),
      closed(problem) {
        user.closed();
        tell(which, problem);
      },
    });
  const subscribing = link(0, "subscriber", subscriber);
  const publishing = link(1, "publisher", publisher);

  return {
    start() {
      subscribing.start();
      publishing.start();
    },
    stop() {
      subscribing.stop();
      publishing.stop();
      subscriber.stop();
      publisher.stop();
    },
    publish: publisher.publish,
    subscribe: subscriber.subscribe,
    unsubscribe: subscriber.unsubscribe,
  };
}
