import { createClient } from "@redis/client";
import { backoffMs } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import type { RedisAddress } from "./address.ts";

export interface LinkOptions {
  readonly address: RedisAddress;
  /** What the server's CLIENT LIST shows. */
  readonly name: string;
  readonly clock: Clock;
  /** Time to connect and be let in. */
  readonly connectMs: number;
  /** The server is asked for a sign of life this often; the connection is given up when three in a row miss one. */
  readonly beatMs: number;
  /** Connected to a server that can be used. What it rejects with ends the connection. */
  opened(client: Client): Promise<void>;
  /** `opened` has resolved. */
  ready(): void;
  /** An attempt to connect failed, or the connection is lost; another attempt follows. */
  closed(problem: string): void;
}

/** One connection to one server, made anew for as long as it runs. */
export interface Link {
  start(): void;
  stop(): void;
  /** Ends the connection, if it is this one's, as when it broke. */
  fail(client: Client, reason: unknown): void;
}

export type Client = ReturnType<typeof connection>;

const retry = { baseMs: 100, maxMs: 2_000 };
const beatsMissed = 3;

/** A timer for every command would cost more than the command. */
const untimed = { timeout: undefined } as unknown as { timeout: number };

/**
 * A client for one connection, thrown away with it. Left to reconnect by itself it subscribes again without
 * telling what was lost, forgets subscriptions that were under way, brings back channels whose unsubscription
 * was, and can't be told that a server hangs.
 */
function connection({ address, name, connectMs }: LinkOptions) {
  return createClient({
    url: address.url,
    name,
    socket: { connectTimeout: connectMs, reconnectStrategy: false },
    commandOptions: untimed,
    disableOfflineQueue: true,
    disableClientInfo: true,
    maintNotifications: "disabled",
  });
}

/** Null when the server can be used; it has let us in already. */
async function misfit(client: Client): Promise<string | null> {
  const hello = (await client.sendCommand(["HELLO"])) as unknown as { mode?: string; role?: string };
  if (hello.mode === "cluster") {
    return "the server is in cluster mode; Carillon spreads its streams over plain servers itself";
  }
  if (hello.mode === "sentinel") return "this is a Sentinel; give the server that it watches";
  if (hello.role === "replica")
    return "the server is a replica, and what is published elsewhere is heard elsewhere";
  return null;
}

/** What the client says is for people, has no credentials in it, and may be empty for several addresses at once. */
function problemOf(reason: unknown): string {
  if (reason instanceof AggregateError) return reason.errors.map(problemOf).join("; ");
  return reason instanceof Error ? reason.message : String(reason);
}

/**
 *   connecting --let in--> open --broke, hangs--> waiting --backoff--> connecting
 *        '-------refused, no answer in time--------^
 *   any --stop()--> stopped
 */
export function makeLink(options: LinkOptions): Link {
  const { clock, connectMs, beatMs } = options;
  let current: Client | null = null;
  let failures = 0;
  let cancel: (() => void) | null = null;

  function schedule(delayMs: number, run: () => void): void {
    cancel?.();
    cancel = clock.after(delayMs, run);
  }

  function fail(client: Client, reason: unknown): void {
    if (current !== client) return;
    current = null;
    client.destroy();
    schedule(backoffMs(retry, failures++, Math.random()), connect);
    options.closed(problemOf(reason));
  }

  function connect(): void {
    const client = connection(options);
    current = client;
    client.on("error", (reason) => fail(client, reason));
    // One that is destroyed while its socket connects would come to life afterwards.
    client.on("connect", () => {
      if (current !== client) client.destroy();
    });
    schedule(connectMs, () => fail(client, new Error(`no answer within ${connectMs} ms`)));
    open(client).catch((reason) => fail(client, reason));
  }

  async function open(client: Client): Promise<void> {
    await client.connect();
    const problem = await misfit(client);
    if (problem !== null) throw new Error(problem);
    if (current !== client) return;
    beat(client);
    await options.opened(client);
    if (current !== client) return;
    failures = 0;
    options.ready();
  }

  /** Beats are counted, not time: a process that was held up itself counts one, however long it took. */
  function beat(client: Client): void {
    let missed = 0;
    const answered = () => {
      missed = 0;
    };
    const next = (): void => {
      if (current !== client) return;
      if (missed === beatsMissed) {
        return fail(client, new Error(`no sign of life for ${beatsMissed * beatMs} ms`));
      }
      // An error is an answer too: PING is refused by a server that can't save to its disk.
      if (missed++ === 0) client.sendCommand(["PING"]).then(answered, answered);
      schedule(beatMs, next);
    };
    next();
  }

  return {
    start: connect,
    stop() {
      cancel?.();
      const client = current;
      current = null;
      client?.destroy();
    },
    fail,
  };
}
