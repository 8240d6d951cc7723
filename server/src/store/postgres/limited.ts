import { type Connection, Query, type QueryResult } from "pg";

/** What the client calls on a query and its types leave out. */
interface Handlers {
  handleDataRow(message: unknown): void;
  handleCommandComplete(message: unknown, connection: Connection): void;
}

const milliseconds = (value: number): string => `'${Math.ceil(value)}ms'`;

/** For one transaction, whichever connection of PgBouncer's it is on. */
const limits = (timeoutMs: number): string =>
  `SELECT set_config('statement_timeout', ${milliseconds(timeoutMs * 0.8)}, true),
     set_config('lock_timeout', ${milliseconds(timeoutMs * 0.6)}, true)`;

/**
 * A statement, and before it in the same message and the same implicit transaction the limits that the server holds it
 * to. A setting of the session would be somebody else's behind PgBouncer, which refuses it at connecting; and a round
 * trip of its own would need a transaction that a frozen process leaves open. The transaction ends at the one Sync.
 * https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-PIPELINING
 */
export function makeLimited(
  config: { readonly text: string; readonly values: unknown[] },
  timeoutMs: number,
  done: (error: Error | undefined, result: QueryResult) => void,
): Query {
  const query = new Query({ ...config, queryMode: "extended" } as typeof config, done) as Query & Handlers;
  const { submit, handleDataRow, handleCommandComplete } = query;
  let limited = false;
  query.submit = (connection) => {
    connection.stream.cork();
    connection.parse({ name: "", text: limits(timeoutMs), types: [] }, true);
    connection.bind({}, true);
    connection.execute({}, true);
    const refused = submit.call(query, connection);
    connection.stream.uncork();
    return refused;
  };
  query.handleDataRow = (message) => {
    if (limited) handleDataRow.call(query, message);
  };
  query.handleCommandComplete = (message, connection) => {
    if (limited) handleCommandComplete.call(query, message, connection);
    limited = true;
  };
  return query;
}
