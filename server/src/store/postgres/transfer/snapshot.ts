import { addressesOf } from "../addresses.ts";
import { openConnection } from "../connection.ts";
import { failureOf, unavailable } from "../failure.ts";
import type { Shard } from "../shard.ts";

const begin = `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
  SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0`;

/** A server as it is now, for as long as the connection lasts; a standby will do. */
export async function openSnapshot(url: string): Promise<Shard> {
  let failure: unknown;
  for (const address of addressesOf(url)) {
    try {
      const connection = await openConnection(address, () => {});
      await connection.run(begin, []);
      // The snapshot is taken by the first statement that reads.
      await connection.run("SELECT epoch FROM meta", []);
      return {
        async query(text, values) {
          try {
            return (await connection.run(text, values)) as never;
          } catch (error) {
            throw failureOf(error, connection.server);
          }
        },
        transaction: () => Promise.reject(unavailable("a snapshot is only read")),
        stop: async () => connection.end(),
      };
    } catch (error) {
      failure = error;
    }
  }
  throw failureOf(failure);
}
