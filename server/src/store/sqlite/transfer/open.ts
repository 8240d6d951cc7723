import { existsSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { Failure } from "../../../errors.ts";
import type { TransferSource, TransferTarget } from "../../transfer.ts";
import { openForWriting } from "../connection.ts";
import { failureOf, failureValueOf } from "../failure.ts";
import { lockDirectory } from "../lock.ts";
import { makeCheckpoints } from "../writer/checkpoints.ts";
import { makeIdentities } from "../writer/identities.ts";
import { makePages } from "./pages.ts";
import { makePuts } from "./puts.ts";
import { makeSums } from "./sums.ts";

const dataFile = "carillon.db";
const cacheBytes = 64 << 20;

/** Takes a data directory for this process: nobody serves it meanwhile. It reads and writes in this very thread. */
function open(directory: string, mayMake: boolean): TransferTarget {
  const file = join(directory, dataFile);
  if (!mayMake && !existsSync(file)) throw new Failure("foreign", `${directory} holds no data of Carillon`);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const lock = lockDirectory(join(directory, "lock.db"));
  let db: DatabaseSync;
  try {
    db = openForWriting({ file, cacheBytes });
  } catch (error) {
    lock.release();
    throw error;
  }
  const { page, streams } = makePages(db);
  const { counts, sums } = makeSums(db);
  const put = makePuts(db);
  const checkpoints = makeCheckpoints(db);
  const fact = db.prepare("SELECT value FROM facts WHERE name = ?");
  const keep = db.prepare("INSERT OR IGNORE INTO facts(name, value) VALUES (?, ?)");
  const replace = db.prepare("INSERT OR REPLACE INTO facts(name, value) VALUES (?, ?)");
  const factOf = (name: string): string | null =>
    (fact.get(name) as { value: string } | undefined)?.value ?? null;

  return {
    name: directory,
    keepsPlaces: true,
    epoch: guarded(() => (db.prepare("SELECT epoch FROM meta").get() as { epoch: number }).epoch),
    counts: guarded(counts),
    page: guarded(page) as TransferSource["page"],
    streams: guarded(streams),
    sums: guarded(sums),
    fact: guarded(factOf),
    agree: guarded((name: string, value: string) => {
      keep.run(name, value);
      return factOf(name)!;
    }),
    amend: guarded((name: string, value: string) => void replace.run(name, value)),
    begin: guarded((epoch: number) => void db.prepare("UPDATE meta SET epoch = ?").run(epoch)),
    put: guarded((kind, copies) => {
      put(kind, copies);
      checkpoints.rest();
    }) as TransferTarget["put"],
    finish: guarded(() => {
      db.exec(
        "UPDATE topics SET subscribers = (SELECT count(*) FROM subscriptions WHERE topic_id = topics.stream_id)",
      );
      // Whatever fills a run is written as one now: the first start would take its time for it.
      makeIdentities(db, Number.MAX_SAFE_INTEGER);
    }),
    close: guarded(() => {
      if (!db.isOpen) return;
      checkpoints.finish();
      db.close();
      lock.release();
    }),
  };
}

const guarded =
  <A extends readonly unknown[], T>(call: (...args: A) => T) =>
  async (...args: A): Promise<T> => {
    try {
      // A turn of the loop each: nothing else here waits, and a signal must get through.
      await setImmediate();
      return call(...args);
    } catch (error) {
      throw error instanceof RangeError ? error : failureOf(failureValueOf(error), error);
    }
  };

/** Rejects with a Failure: `locked` when a server has it, `foreign` when there is none, `corrupt`, `read-only`. */
export const openSqliteSource: (directory: string) => Promise<TransferSource> = guarded((directory: string) =>
  open(directory, false),
);

export const openSqliteTarget: (directory: string) => Promise<TransferTarget> = guarded((directory: string) =>
  open(directory, true),
);

/** For a copy that wasn't finished: the data goes, what else is in the directory stays. */
export function removeSqlite(directory: string): void {
  const lock = lockDirectory(join(directory, "lock.db"));
  for (const end of ["", "-wal", "-shm"]) rmSync(join(directory, `${dataFile}${end}`), { force: true });
  lock.release();
}
