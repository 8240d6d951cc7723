import { backoffMs } from "../backoff.ts";
import type { Clock } from "../clock.ts";

/** One connection, used once: when it breaks it is thrown away. */
export interface Connection {
  /** Resolves when it can be used. What it rejects with is for people. */
  connect(): Promise<void>;
  /** Settles when the server has shown a sign of life. */
  ping(): Promise<unknown>;
  /** At once and in any state, with all that is under way on it. Never throws. */
  destroy(): void;
}

export interface LinkOptions<C extends Connection> {
  readonly clock: Clock;
  /** `broke` is for what happens to it after it has connected. */
  dial(broke: (reason: unknown) => void): C;
  /** Time for `connect`. */
  readonly connectMs: number;
  /** The server is asked for a sign of life this often; the connection is given up when three in a row miss one. */
  readonly beatMs: number;
  /** It is connected. What this rejects with ends the connection. */
  opened(connection: C): Promise<void>;
  /** `opened` has resolved. */
  ready(connection: C): void;
  /** An attempt failed, or the connection is lost; another attempt follows. */
  closed(problem: string): void;
}

/** A connection to one server, made anew for as long as it runs. */
export interface Link<C extends Connection> {
  start(): void;
  stop(): void;
  /** Ends the connection, if it is this one's, as when it broke. */
  fail(connection: C, reason: unknown): void;
}

const retry = { baseMs: 100, maxMs: 2_000 };
const beatsMissed = 3;

/** What clients say is for people and has no credentials in it; of several addresses each has its own. */
function problemOf(reason: unknown): string {
  if (reason instanceof AggregateError) return reason.errors.map(problemOf).join("; ");
  return reason instanceof Error ? reason.message : String(reason);
}

/**
 *   connecting --opened--> ready --broke, hangs--> waiting --backoff--> connecting
 *        '--------refused, no answer in time--------^
 *   any --stop()--> stopped
 */
export function makeLink<C extends Connection>(options: LinkOptions<C>): Link<C> {
  const { clock, connectMs, beatMs } = options;
  let current: C | null = null;
  let failures = 0;
  let cancel: (() => void) | null = null;

  function schedule(delayMs: number, run: () => void): void {
    cancel?.();
    cancel = clock.after(delayMs, run);
  }

  function fail(connection: C, reason: unknown): void {
    if (current !== connection) return;
    current = null;
    connection.destroy();
    schedule(backoffMs(retry, failures++, Math.random()), start);
    options.closed(problemOf(reason));
  }

  function start(): void {
    const connection = options.dial((reason) => fail(connection, reason));
    current = connection;
    schedule(connectMs, () => fail(connection, new Error(`no answer within ${connectMs} ms`)));
    open(connection).catch((reason) => fail(connection, reason));
  }

  async function open(connection: C): Promise<void> {
    await connection.connect();
    if (current !== connection) return;
    beat(connection);
    await options.opened(connection);
    if (current !== connection) return;
    failures = 0;
    options.ready(connection);
  }

  /** Beats are counted, not time: a process that was held up itself counts one, however long it took. */
  function beat(connection: C): void {
    let missed = 0;
    const answered = () => {
      missed = 0;
    };
    const next = (): void => {
      if (current !== connection) return;
      if (missed === beatsMissed) {
        return fail(connection, new Error(`no sign of life for ${beatsMissed * beatMs} ms`));
      }
      if (missed++ === 0) connection.ping().then(answered, answered);
      schedule(beatMs, next);
    };
    next();
  }

  return {
    start,
    stop() {
      cancel?.();
      const connection = current;
      current = null;
      connection?.destroy();
    },
    fail,
  };
}
