import { type Backoff, backoffMs } from "../../backoff.ts";
import type { Clock } from "../../clock.ts";
import { Failure } from "../../errors.ts";
import type { Connection } from "./connection.ts";
import { unavailable } from "./failure.ts";

export interface PoolOptions {
  readonly clock: Clock;
  /** The most connections. */
  readonly connections: number;
  /** The most calls that wait for one. */
  readonly queuedCalls: number;
  open(lost: () => void): Promise<Connection>;
}

/** Connections of one server: at most so many, opened when they are needed, the last used first. */
export interface Pool {
  /** Rejects with `overloaded` when too many wait, with `unavailable` when none was to be had within `timeoutMs`. */
  take(timeoutMs: number): Promise<Connection>;
  give(connection: Connection): void;
  /** None of those that are open now is used again. */
  drop(): void;
  /** Resolves when all have come back and are closed. */
  stop(): Promise<void>;
}

interface Waiter {
  resolve(connection: Connection): void;
  reject(error: unknown): void;
}

/** A server that has no more connections for us has some for others, whom knocking would keep from it. */
const backoff: Backoff = { baseMs: 100, maxMs: 1_000 };

export function makePool({ clock, connections, queuedCalls, open }: PoolOptions): Pool {
  const idle: Connection[] = [];
  /** Open connections; true when they aren't to be used again. */
  const known = new Map<Connection, boolean>();
  const waiters = new Set<Waiter>();
  let opening = 0;
  let failures = 0;
  /** Ends the wait before another is opened; there is none without connections. */
  let endRest: (() => void) | undefined;
  let stopped: (() => void) | undefined;
  let stopping: Promise<void> | undefined;

  const forget = (connection: Connection): void => {
    known.delete(connection);
    const at = idle.indexOf(connection);
    if (at !== -1) idle.splice(at, 1);
    serve();
  };

  const openOne = async (): Promise<void> => {
    opening += 1;
    const waitedAlready = [...waiters];
    let lost = false;
    let connection: Connection | undefined;
    try {
      connection = await open(() => {
        lost = true;
        if (connection) forget(connection);
      });
    } catch (error) {
      if (known.size === 0) for (const waiter of waitedAlready) waiter.reject(error);
      else rest();
    } finally {
      opening -= 1;
    }
    if (connection && !lost) {
      failures = 0;
      known.set(connection, false);
      idle.push(connection);
    }
    serve();
  };

  const rest = (): void => {
    endRest ??= clock.after(backoffMs(backoff, failures++, Math.random()), () => {
      endRest = undefined;
      serve();
    });
  };

  const serve = (): void => {
    if (known.size === 0 || stopping) {
      endRest?.();
      endRest = undefined;
    }
    for (const waiter of waiters) {
      const connection = idle.pop();
      if (!connection) break;
      waiter.resolve(connection);
    }
    if (stopping) {
      for (const connection of idle.splice(0)) {
        known.delete(connection);
        connection.end();
      }
      if (known.size === 0 && opening === 0) stopped?.();
      return;
    }
    if (endRest) return;
    for (let free = connections - known.size - opening; free > 0 && opening < waiters.size; free--)
      void openOne();
  };

  return {
    take(timeoutMs) {
      if (stopping) return Promise.reject(new Failure("stopped", "the store is stopped"));
      const connection = idle.pop();
      if (connection) return Promise.resolve(connection);
      if (waiters.size >= queuedCalls) {
        return Promise.reject(
          new Failure("overloaded", "too many calls wait for PostgreSQL", { retryAfterMs: 1_000 }),
        );
      }
      return new Promise((resolve, reject) => {
        const done = (): void => {
          cancel();
          waiters.delete(waiter);
        };
        const waiter: Waiter = {
          resolve(found) {
            done();
            resolve(found);
          },
          reject(error) {
            done();
            reject(error);
          },
        };
        const cancel = clock.after(timeoutMs, () =>
          waiter.reject(unavailable("no connection to PostgreSQL became free in time")),
        );
        waiters.add(waiter);
        serve();
      });
    },

    give(connection) {
      if (known.get(connection) || !connection.usable) {
        known.delete(connection);
        connection.destroy();
      } else if (known.has(connection)) idle.push(connection);
      serve();
    },

    drop() {
      for (const connection of known.keys()) known.set(connection, true);
      for (const connection of idle.splice(0)) {
        known.delete(connection);
        connection.destroy();
      }
      serve();
    },

    stop() {
      stopping ??= new Promise((resolve) => {
        stopped = resolve;
        queueMicrotask(serve);
      });
      return stopping;
    },
  };
}
