import { DatabaseSync } from "node:sqlite";
import { migrate, recognise } from "./migrate.ts";

const mebibyte = 1 << 20;

export interface ConnectionOptions {
  readonly file: string;
  readonly cacheBytes: number;
}

/** The only connection that writes. */
export function openForWriting({ file, cacheBytes }: ConnectionOptions): DatabaseSync {
  const db = new DatabaseSync(file);
  try {
    // Takes effect in a file that holds nothing yet: free pages can be given back, at the cost of a page in 800.
    if (recognise(db).version === 0) db.exec("PRAGMA auto_vacuum = INCREMENTAL");
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL");
    db.exec(`PRAGMA cache_size = -${Math.ceil(cacheBytes / 1024)}; PRAGMA temp_store = MEMORY`);
    db.exec(`PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = ${64 * mebibyte}`);
    migrate(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function openForReading({ file, cacheBytes }: ConnectionOptions): DatabaseSync {
  const db = new DatabaseSync(file, { readOnly: true });
  db.exec(`PRAGMA cache_size = -${Math.ceil(cacheBytes / 1024)}; PRAGMA temp_store = MEMORY`);
  return db;
}
