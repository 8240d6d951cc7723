/**
 * The bus on PostgreSQL's LISTEN and NOTIFY, for small set-ups: what is committed on one server, told by the same one.
 *
 * Every process hears every message, so they are light: a `rows` message arrives as `head`, and who listens reads the
 * store. `changed` and `withdrawn` are carried as they are, `ephemeral` where it fits the 8,000 bytes of a notification;
 * a larger one is dropped and counted. A turn's messages, and all that gather while a statement is under way, are one
 * statement outside of any that writes data: notifying transactions commit one at a time in all of a server.
 *
 * Two connections of its own, one that listens and one that notifies, none of them of the data's pool. Both must reach
 * the server itself: a pooler in transaction mode forgets LISTEN. That is looked for on connecting, and again by
 * listening for a notification of its own.
 */
import type { Clock } from "../../clock.ts";
import { Failure } from "../../errors.ts";
import type { BusDriver } from "../driver.ts";
import type { BusEvents } from "../events.ts";
import { makeLink } from "../link.ts";
import { makeStanding } from "../standing.ts";
import { makePostgresConnection, type PostgresConnection } from "./connection.ts";
import { makeProbe } from "./probe.ts";
import { makePublisher } from "./publisher.ts";
import { makeSubscriber, type Subscriber } from "./subscriber.ts";

export interface PostgresBusOptions {
  /** postgres://..., of the server itself. */
  readonly url: string;
  /** Of what shares the database, this deployment alone is called so: letters, digits, `-` and `_`, at most 50. */
  readonly deployment: string;
  readonly clock: Clock;
  readonly events: BusEvents;
  /** How old a message may get before the server has it; an older one is dropped. 1 s unless told. */
  readonly patienceMs?: number;
  /** A server that shows no sign of life for three times as long is given up. 2 s unless told. */
  readonly beatMs?: number;
  /** Time to connect and to be let in, and for a notification to come back. 3 s unless told. */
  readonly connectMs?: number;
  /** Messages that may wait. 100,000 unless told. */
  readonly waitingMost?: number;
}

const deaf =
  "what is notified doesn't come back: the connection goes through a pooler; give the bus the address of the server itself";

/** host:port, without credentials; a socket's path isn't in a URL's host. */
function nameOf(url: string): string {
  const host = URL.canParse(url) ? new URL(url).host : "";
  return host === "" ? "postgres" : host;
}

/** Whether the server is there and can be used, `events` tell. */
export function makePostgresBus(options: PostgresBusOptions): BusDriver {
  const { url, deployment, clock, events, patienceMs = 1_000, beatMs = 2_000, connectMs = 3_000 } = options;
  const channel = `carillon_${deployment}`;
  const standing = makeStanding(nameOf(url), events);
  let subscriber: Subscriber | null = null;

  const publisher = makePublisher({
    clock,
    channel,
    dropped: events.dropped,
    failed: (connection, reason) => notifying.fail(connection, reason),
    patienceMs,
    waitingMost: options.waitingMost ?? 100_000,
  });

  let heardOn: PostgresConnection | null = null;
  const probe = makeProbe({
    clock,
    waitMs: connectMs,
    notify: publisher.notify,
    passed: () => standing.well("subscriber"),
    failed: () => heardOn !== null && listening.fail(heardOn, new Error(deaf)),
  });

  const dial = (what: string) => (broke: (reason: unknown) => void) =>
    makePostgresConnection({ url, name: `carillon-${deployment}-${what}`, broke });
  const listening = makeLink({
    dial: dial("subscriber"),
    clock,
    connectMs,
    beatMs,
    opened: async (connection) => subscriber?.opened(connection),
    ready(connection) {
      heardOn = connection;
      probe.listening();
    },
    closed(problem) {
      heardOn = null;
      probe.cancel();
      subscriber?.closed();
      standing.wrong("subscriber", problem);
    },
  });
  const notifying = makeLink({
    dial: dial("publisher"),
    clock,
    connectMs,
    beatMs,
    opened: publisher.opened,
    ready() {
      standing.well("publisher");
      probe.notifying();
    },
    closed(problem) {
      publisher.closed();
      standing.wrong("publisher", problem);
    },
  });

  return {
    async start(listener) {
      subscriber = makeSubscriber({
        listener,
        clock,
        channel,
        unreadable: () => events.dropped(1, "unreadable"),
        probed: probe.heard,
      });
      listening.start();
      notifying.start();
    },

    async stop() {
      probe.cancel();
      listening.stop();
      subscriber?.stop();
      await publisher.stop();
      notifying.stop();
    },

    publish(messages) {
      if (subscriber === null) return;
      for (const message of messages) publisher.publish(message);
    },

    async subscribe(stream) {
      if (subscriber === null) throw new Failure("stopped", "the bus is not running");
      await subscriber.subscribe(stream);
    },

    unsubscribe(stream) {
      subscriber?.unsubscribe(stream);
    },
  };
}
