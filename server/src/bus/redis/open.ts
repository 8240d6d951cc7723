/**
 * The bus on one or several plain Redis or Valkey servers, 7 or newer: publish/subscribe, one channel a stream.
 *
 * A stream is on one server, by rendezvous hash of the server's host:port: every process must name the servers
 * alike. Channels don't know of database numbers; `deployment` keeps two deployments on one server apart. The
 * servers need no persistence, no memory to speak of, and no replica; never cluster mode, where every node would
 * carry every message.
 *
 * Each server has two connections of each process, one that is subscribed and one that publishes. They are given
 * up when they break or when the server shows no sign of life, and made anew; streams are suspect once they are
 * subscribed again. The server does the same to a subscriber that reads too slowly: see its
 * `client-output-buffer-limit pubsub` (by default 32 MB, or 8 MB for 60 s). It is then a connection lost like
 * any other. One server away concerns its streams alone.
 */
import type { Clock } from "../../clock.ts";
import { Failure } from "../../errors.ts";
import type { BusDriver } from "../driver.ts";
import type { BusEvents } from "../events.ts";
import { makeTopology } from "../topology.ts";
import { redisAddress } from "./address.ts";
import { makeServer, type Server } from "./server.ts";

export interface RedisBusOptions {
  /** redis://[user:password@]host[:port], or rediss:// for TLS. At least one. */
  readonly urls: readonly string[];
  /** Before every channel's name. */
  readonly prefix?: string;
  /** Of what shares the servers, this deployment alone is called so. Letters, digits, `-` and `_`. */
  readonly deployment: string;
  readonly clock: Clock;
  readonly events: BusEvents;
  /** How old a message may get before the server has it; an older one is dropped. 1 s unless told. */
  readonly patienceMs?: number;
  /** A server that shows no sign of life for three times as long is given up. 1 s unless told. */
  readonly beatMs?: number;
  /** Time to connect and to be let in. 3 s unless told. */
  readonly connectMs?: number;
  /** What may wait for the answer of one server, in UTF-16 units. 16 M unless told. */
  readonly waitingMost?: number;
}

/** Throws when a URL isn't one. Whether the servers are there and can be used, `events` tell. */
export function makeRedisBus(options: RedisBusOptions): BusDriver {
  const { urls, prefix = "carillon:", deployment, clock, events } = options;
  const addresses = urls.map(redisAddress);
  const serverOf = makeTopology(addresses.map(({ name }) => name));
  const settings = {
    channelPrefix: `${prefix}${deployment}:`,
    clientName: `carillon-${deployment}`,
    clock,
    events,
    patienceMs: options.patienceMs ?? 1_000,
    beatMs: options.beatMs ?? 1_000,
    connectMs: options.connectMs ?? 3_000,
    waitingMost: options.waitingMost ?? 16 << 20,
  };
  let servers: Server[] = [];

  return {
    async start(listener) {
      servers = addresses.map((address) => makeServer(address, listener, settings));
      for (const server of servers) server.start();
    },

    async stop() {
      await Promise.all(servers.map((server) => server.stop()));
    },

    publish(messages) {
      if (servers.length === 0) return;
      for (const message of messages) servers[serverOf(message.stream)]!.publish(message);
    },

    async subscribe(stream) {
      const server = servers[serverOf(stream)];
      if (server === undefined) throw new Failure("stopped", "the bus is not running");
      await server.subscribe(stream);
    },

    unsubscribe(stream) {
      servers[serverOf(stream)]?.unsubscribe(stream);
    },
  };
}
