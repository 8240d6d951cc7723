import { Client, type QueryResult, types } from "pg";
import { sqlstateOf, unavailable } from "./failure.ts";

/** One connection; a call at a time. */
export interface Connection {
  /** Rejects with the server's error, or with a Failure when the connection broke: the effect is then unknown. */
  run(text: string, values: readonly unknown[], name?: string): Promise<readonly unknown[]>;
  /** Rejects when the transaction was rolled back instead. */
  commit(): Promise<void>;
  /** At once and without a word: a call under way rejects, its effect is unknown. */
  destroy(): void;
  /** Says goodbye, when nothing is under way. */
  end(): void;
}

const int8 = 20;
const connectMs = 3_000;

const asNumber = (value: string): number => Number(value);
/** Every number that is kept fits a double: seqs, ids, milliseconds. */
const getTypeParser = ((oid: number, format?: "text" | "binary") =>
  oid === int8 ? asNumber : types.getTypeParser(oid, format as "text")) as typeof types.getTypeParser;

/** Opens a connection; `lost` when it has ended, whoever ended it. Rejects with the driver's errors. */
export async function openConnection(address: string, lost: () => void): Promise<Connection> {
  const client = new Client({
    connectionString: address,
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    fallback_application_name: "carillon",
    types: { getTypeParser },
  });
  client.on("error", lost);
  client.on("end", lost);
  try {
    await client.connect();
  } catch (error) {
    client.connection.stream.destroy();
    throw sqlstateOf(error) === "" ? unavailable("PostgreSQL can't be reached", error) : error;
  }
  const ask = async (text: string, values: readonly unknown[], name?: string): Promise<QueryResult> => {
    try {
      return await client.query({
        text,
        values: values as unknown[],
        ...(name === undefined ? {} : { name }),
      });
    } catch (error) {
      if (sqlstateOf(error) !== "") throw error;
      throw unavailable("the connection to PostgreSQL broke", error);
    }
  };
  return {
    run: async (text, values, name) => (await ask(text, values, name)).rows,
    async commit() {
      const { command } = await ask("COMMIT", []);
      if (command !== "COMMIT") throw unavailable("PostgreSQL rolled the transaction back");
    },
    destroy: () => client.connection.stream.destroy(),
    end: () => void client.end().catch(() => {}),
  };
}
