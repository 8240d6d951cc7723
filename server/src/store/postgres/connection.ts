import { Client, type DatabaseError, type QueryResult, types } from "pg";
import { failureOf, sqlstateOf, unavailable } from "./failure.ts";
import { makeLimited } from "./limited.ts";

/** One connection; a call at a time. */
export interface Connection {
  /** Which server, for people: "PostgreSQL at db-1:5432". */
  readonly server: string;
  /** False once it broke or was destroyed, or the server said that it ends it: its socket may close later. */
  readonly usable: boolean;
  /** Rejects with the server's error, or with a Failure when the connection broke: the effect is then unknown. */
  run(text: string, values: readonly unknown[]): Promise<readonly unknown[]>;
  /** As a transaction of its own that the server ends with an error when it takes about `timeoutMs`. */
  runLimited(text: string, values: readonly unknown[], timeoutMs: number): Promise<readonly unknown[]>;
  /** Rejects when the transaction was rolled back instead. */
  commit(): Promise<void>;
  /** At once and without a word: a call under way rejects, its effect is unknown. */
  destroy(): void;
  /** Says goodbye, when nothing is under way. */
  end(): void;
}

const int8 = 20;

const asNumber = (value: string): number => Number(value);
/** Every number that is kept fits a double: seqs, ids, milliseconds. */
const getTypeParser = ((oid: number, format?: "text" | "binary") =>
  oid === int8 ? asNumber : types.getTypeParser(oid, format as "text")) as typeof types.getTypeParser;

/** Opens a connection; `lost` when it has ended, whoever ended it. */
export async function openConnection(
  address: string,
  lost: () => void,
  connectMs = 3_000,
): Promise<Connection> {
  const client = new Client({
    connectionString: address,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    fallback_application_name: "carillon",
    types: { getTypeParser },
  });
  const server = `PostgreSQL at ${client.host}:${client.port}`;
  client.on("error", lost);
  client.on("end", lost);
  try {
    await client.connect();
  } catch (error) {
    client.connection.stream.destroy();
    throw sqlstateOf(error) === ""
      ? unavailable(`${server} can't be reached: ${reasonOf(error)}`, error)
      : failureOf(error, server);
  }
  let usable = true;
  const known = (error: unknown): unknown => {
    const isOfServer = sqlstateOf(error) !== "";
    if (!isOfServer || (error as DatabaseError).severity === "FATAL") usable = false;
    return isOfServer ? error : unavailable(`the connection to ${server} broke`, error);
  };
  const ask = async (text: string, values: readonly unknown[]): Promise<QueryResult> => {
    try {
      return await client.query({ text, values: values as unknown[] });
    } catch (error) {
      throw known(error);
    }
  };
  return {
    server,
    get usable() {
      return usable;
    },
    run: async (text, values) => (await ask(text, values)).rows,
    runLimited: (text, values, timeoutMs) =>
      new Promise((resolve, reject) => {
        const done = (error: Error | undefined, result: QueryResult): void =>
          error ? reject(known(error)) : resolve(result.rows);
        client.query(makeLimited({ text, values: values as unknown[] }, timeoutMs, done));
      }),
    async commit() {
      const { command } = await ask("COMMIT", []);
      if (command !== "COMMIT") throw unavailable(`${server} rolled the transaction back`);
    },
    destroy() {
      usable = false;
      client.connection.stream.destroy();
    },
    end: () => void client.end().catch(() => {}),
  };
}

/** A name with several addresses fails with the errors of all of them, and no words of its own. */
const reasonOf = (error: unknown): string =>
  error instanceof AggregateError ? error.errors.map(reasonOf).join(", ") : (error as Error).message;
