import { DatabaseSync } from "node:sqlite";
import { failureCodeOf, failureOf, failureValueOf } from "./failure.ts";

/**
 * Takes the data directory for this process: an exclusive lock on a database that holds nothing. The kernel
 * releases it with the process, however that ends.
 */
export function lockDirectory(file: string): { release(): void } {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(file);
    db.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
    const held = db;
    return { release: () => held.close() };
  } catch (error) {
    db?.close();
    if (failureCodeOf(error) === "locked") {
      throw failureOf(
        { code: "locked", message: `another process uses the data directory (it holds ${file})` },
        error,
      );
    }
    throw failureOf(failureValueOf(error), error);
  }
}
