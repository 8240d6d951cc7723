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
    recognise(db);
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

/** Checkpoints while the other one writes; never changes a row. */
export function openForCheckpoints({ file }: ConnectionOptions): DatabaseSync {
  const db = new DatabaseSync(file);
  db.exec("PRAGMA synchronous = FULL; PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -1024");
  return db;
}

/** Pages in the write-ahead log, and how many of them are in the data file too. */
export interface WalState {
  readonly pages: number;
  readonly copied: number;
}

/** https://sqlite.org/pragma.html#pragma_wal_checkpoint; NOOP only looks. */
export function walState(db: DatabaseSync, mode: "NOOP" | "PASSIVE" | "TRUNCATE"): WalState {
  const row = db.prepare(`PRAGMA wal_checkpoint(${mode})`).get() as { log: number; checkpointed: number };
  return { pages: row.log, copied: row.checkpointed };
}
