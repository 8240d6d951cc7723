import { DatabaseSync } from "node:sqlite";
import { Failure } from "../../errors.ts";
import { migrate, recognise } from "./migrate.ts";

const mebibyte = 1 << 20;

export interface ConnectionOptions {
  readonly file: string;
  readonly cacheBytes: number;
}

/** Served as it is it would go on under seqs that clients know as others, and would be the backup no more. */
function mustNotBeABackup(db: DatabaseSync): void {
  const column = db.prepare("SELECT 1 FROM pragma_table_info('meta') WHERE name = 'is_backup'");
  if (column.get() === undefined) return;
  const { backup } = db.prepare("SELECT is_backup AS backup FROM meta").get() as { backup: number };
  if (backup === 0) return;
  throw new Failure("unusable", "this is a backup: `carillon restore` makes a data directory of it");
}

/** The only connection that writes. */
export function openForWriting({ file, cacheBytes }: ConnectionOptions): DatabaseSync {
  const db = new DatabaseSync(file);
  try {
    // Takes effect in a file that holds nothing yet: free pages can be given back, at the cost of a page in 800.
    if (recognise(db).version === 0) db.exec("PRAGMA auto_vacuum = INCREMENTAL");
    mustNotBeABackup(db);
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
