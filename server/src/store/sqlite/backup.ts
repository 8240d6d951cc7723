import { randomInt } from "node:crypto";
import { chmodSync, existsSync } from "node:fs";
import { join } from "node:path";
import { backup, DatabaseSync } from "node:sqlite";
import { Failure } from "../../errors.ts";
import { migrate, recognise } from "./migrate.ts";

export const dataFile = "carillon.db";
/** 4 MB: progress is told as often. */
const pagesAtOnce = 1_000;

export interface Copied {
  readonly epoch: number;
  readonly schema: number;
  readonly takenAt: number;
}

interface Meta {
  readonly epoch: number;
}

const metaOf = (db: DatabaseSync): Meta => db.prepare("SELECT epoch FROM meta").get() as unknown as Meta;

function mustBeWhole(db: DatabaseSync, pragma: "quick_check" | "integrity_check"): void {
  const [first] = db.prepare(`PRAGMA ${pragma}(1)`).all() as { [name: string]: string }[];
  const found = Object.values(first ?? {})[0];
  if (found !== "ok") throw new Failure("corrupt", `the copy is damaged: ${found}`);
}

/** What a copy must not bring along: who held what while it was taken. */
const forget = "DELETE FROM leases";

const noData = (directory: string): string =>
  `${directory} holds no data of Carillon; a store on PostgreSQL is backed up with PostgreSQL's own tools`;

/**
 * Copies the database of a data directory as it is at this moment, whether it is served or not: one read transaction,
 * which no commit waits for. While it lasts the write-ahead log isn't begun anew. The copy is one file, marked as a backup.
 */
export async function copyDatabase(
  directory: string,
  to: string,
  told: (pages: number, of: number) => void,
): Promise<Copied> {
  const from = join(directory, dataFile);
  if (!existsSync(from)) throw new Failure("foreign", noData(directory));
  const source = new DatabaseSync(from, { readOnly: true });
  let takenAt: number;
  try {
    if (recognise(source).version === 0) throw new Failure("foreign", noData(directory));
    source.exec("BEGIN");
    metaOf(source);
    takenAt = Date.now();
    await backup(source, to, {
      rate: pagesAtOnce,
      progress: ({ totalPages, remainingPages }) => told(totalPages - remainingPages, totalPages),
    });
    source.exec("COMMIT");
  } finally {
    source.close();
  }
  chmodSync(to, 0o600);
  const copy = new DatabaseSync(to);
  try {
    copy.exec("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL");
    migrate(copy);
    copy.exec(`BEGIN; ${forget}; UPDATE meta SET is_backup = 1; COMMIT`);
    mustBeWhole(copy, "quick_check");
    return { epoch: metaOf(copy).epoch, schema: recognise(copy).version, takenAt };
  } finally {
    copy.close();
  }
}

/**
 * Makes a copy that was marked as a backup one that can be served, in an epoch of its own. Which one is left to chance:
 * cursors carry it modulo 256, and the same backup may be restored twice. Rejects with a Failure: `foreign` for another
 * program's file or a newer schema, `corrupt`.
 */
export function reviveDatabase(file: string): { readonly epoch: number } {
  const db = new DatabaseSync(file);
  try {
    recognise(db);
    db.exec("PRAGMA synchronous = FULL");
    mustBeWhole(db, "integrity_check");
    migrate(db);
    db.prepare("UPDATE meta SET epoch = epoch + ?, is_backup = 0").run(randomInt(1, 256));
    db.exec(forget);
    return metaOf(db);
  } finally {
    db.close();
  }
}
