import { Socket } from "node:net";
import { Client, type QueryConfig, type QueryResult, type QueryResultRow } from "pg";
import type { Connection } from "../link.ts";

export interface PostgresConnection extends Connection {
  /** One after the other, in the order of the calls. */
  query<R extends QueryResultRow>(query: QueryConfig): Promise<QueryResult<R>>;
  onNotification(heard: (channel: string, payload: string) => void): void;
}

export interface PostgresConnectionOptions {
  readonly url: string;
  /** What pg_stat_activity shows. */
  readonly name: string;
  readonly broke: (reason: unknown) => void;
}

const pooled =
  "the connection goes through a pooler, which forgets LISTEN; give the bus the address of the server itself";

export function makePostgresConnection({ url, name, broke }: PostgresConnectionOptions): PostgresConnection {
  const socket = new Socket();
  const client = new Client({
    connectionString: url,
    application_name: name,
    keepAlive: true,
    stream: () => socket,
  });
  client.on("error", broke);
  let last: Promise<unknown> = Promise.resolve();

  function query<R extends QueryResultRow>(config: QueryConfig): Promise<QueryResult<R>> {
    const result = last.then(() => client.query<R>(config));
    last = result.catch(() => {});
    return result;
  }

  return {
    query,
    onNotification: (heard) =>
      void client.on("notification", ({ channel, payload }) => heard(channel, payload ?? "")),
    async connect() {
      await client.connect();
      // A pooler gives its clients a process id of its own making.
      const { rows } = await query<{ pid: number }>({ text: "SELECT pg_backend_pid() AS pid" });
      const { processID } = client as unknown as { readonly processID: number };
      if (rows[0]?.pid !== processID) throw new Error(pooled);
    },
    ping: () => query({ text: "SELECT 1" }),
    destroy: () => void socket.destroy(),
  };
}
