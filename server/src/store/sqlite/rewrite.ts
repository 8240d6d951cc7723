import { join } from "node:path";
import { dataFile } from "./backup.ts";
import { openForWriting } from "./connection.ts";
import { lockDirectory } from "./lock.ts";

const cacheBytes = 64 << 20;

/**
 * Writes a data file anew that can't give space back otherwise, so that it can from now on; says whether it had to. It
 * needs as much room as the data take, and nobody may serve them. An interrupted one has changed nothing.
 */
export function rewriteIfRigid(directory: string): boolean {
  const lock = lockDirectory(join(directory, "lock.db"));
  try {
    const db = openForWriting({ file: join(directory, dataFile), cacheBytes });
    try {
      const mode = Object.values((db.prepare("PRAGMA auto_vacuum").get() ?? {}) as object)[0];
      if (mode === 2) return false;
      db.exec("PRAGMA temp_store = FILE; PRAGMA auto_vacuum = INCREMENTAL; VACUUM");
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
      return true;
    } finally {
      db.close();
    }
  } finally {
    lock.release();
  }
}
