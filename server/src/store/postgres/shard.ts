import type { Clock } from "../../clock.ts";
import { addressesOf } from "./addresses.ts";
import { type Connection, openConnection } from "./connection.ts";
import { failureOf, isReadOnly, unavailable } from "./failure.ts";
import { makePool } from "./pool.ts";

/**
 * Runs a statement and answers with its rows. Rejects with a Failure as the ports say; what is wrong with the
 * statement itself or its values (SQLSTATE classes 22, 23, 42) rejects as the driver's error.
 */
export type Query = <R>(
  text: string,
  values: readonly unknown[],
  options?: QueryOptions,
) => Promise<readonly R[]>;

export interface QueryOptions {
  /** Instead of the shard's; for work that may take longer. */
  readonly timeoutMs?: number;
}

/** One PostgreSQL server's pool. */
export interface Shard {
  /** One autocommit statement. A write whose effect is unknown is not repeated: that is for the caller. */
  readonly query: Query;
  /** Several statements in one transaction, READ COMMITTED, on one connection; rolled back when `work` rejects. */
  transaction<T>(work: (query: Query) => Promise<T>, options?: QueryOptions): Promise<T>;
  /** Finishes what is under way and closes. Calls made later reject with `stopped`. */
  stop(): Promise<void>;
}

export interface ShardOptions {
  /** postgres://user:password@host:port/database, with one host or several of which one takes writes. */
  readonly url: string;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly connections: number;
  readonly queuedCalls: number;
}

const probe = "SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean AS standby";

/** In a transaction's own BEGIN, so that they hold through PgBouncer, which shares its connections. */
const begin = (timeoutMs: number): string =>
  `BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
   SET LOCAL statement_timeout = ${Math.ceil(timeoutMs * 0.8)};
   SET LOCAL lock_timeout = ${Math.ceil(timeoutMs * 0.6)};
   SET LOCAL idle_in_transaction_session_timeout = ${timeoutMs}`;

export function makeShard({ url, clock, timeoutMs, connections, queuedCalls }: ShardOptions): Shard {
  const addresses = addressesOf(url);
  const connectMs = timeoutMs * 0.5;
  let preferred = 0;

  /** A call that isn't answered in time takes its connection with it. */
  const bounded = async <T>(connection: Connection, leftMs: number, call: () => Promise<T>): Promise<T> => {
    let late = false;
    const cancel = clock.after(leftMs, () => {
      late = true;
      connection.destroy();
    });
    try {
      return await call();
    } catch (error) {
      if (late) throw unavailable(`${connection.server} did not answer in time`, error);
      throw error;
    } finally {
      cancel();
    }
  };

  const open = async (lost: () => void): Promise<Connection> => {
    let failure: unknown;
    for (let tried = 0; tried < addresses.length; tried++) {
      const at = (preferred + tried) % addresses.length;
      try {
        const connection = await openConnection(addresses[at]!, lost, connectMs);
        const [row] = await bounded(connection, connectMs, () => connection.run(probe, []));
        if (!(row as { readonly standby: boolean }).standby) {
          preferred = at;
          return connection;
        }
        connection.end();
        failure = unavailable(`${connection.server} takes no writes: it is a standby`);
      } catch (error) {
        failure = error;
      }
    }
    throw failureOf(failure);
  };

  const pool = makePool({ clock, connections, queuedCalls, open });

  const using = async <T>(limitMs: number, call: (connection: Connection) => Promise<T>): Promise<T> => {
    const startedAt = clock.now();
    const connection = await pool.take(limitMs);
    try {
      const leftMs = Math.max(1, limitMs - (clock.now() - startedAt));
      return await bounded(connection, leftMs, () => call(connection));
    } catch (error) {
      if (isReadOnly(error)) pool.drop();
      throw failureOf(error, connection.server);
    } finally {
      pool.give(connection);
    }
  };

  return {
    query: (text, values, options) => {
      const limitMs = options?.timeoutMs ?? timeoutMs;
      return using(
        limitMs,
        async (connection) => (await connection.runLimited(text, values, limitMs)) as never,
      );
    },

    transaction: (work, options) =>
      using(options?.timeoutMs ?? timeoutMs, async (connection) => {
        await connection.run(begin(options?.timeoutMs ?? timeoutMs), []);
        try {
          const answer = await work(async (text, values) => (await connection.run(text, values)) as never);
          await connection.commit();
          return answer;
        } catch (error) {
          await connection.run("ROLLBACK", []).catch(() => connection.destroy());
          throw error;
        }
      }),

    stop: () => pool.stop(),
  };
}
