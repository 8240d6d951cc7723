import type { DatabaseSync } from "node:sqlite";

/** So many new pages in the write-ahead log are copied at once: 16 MB. Half of it costs 15% of the rows a second. */
const stepPages = 4_000;

/** A file as large as this is written anew in about half a second. */
const vacuumMost = 64 << 20;

interface LogState {
  readonly log: number;
  readonly checkpointed: number;
}

/**
 * Copies the write-ahead log into the data file between groups, after their answers: the next group waits, the
 * one before doesn't. In a thread of its own it was worse: its fsync and the commits' shared the disk all the while.
 */
export function makeCheckpoints(db: DatabaseSync) {
  const look = db.prepare("PRAGMA wal_checkpoint(NOOP)");
  const copy = db.prepare("PRAGMA wal_checkpoint(PASSIVE)");
  const empty = db.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
  const extent = db.prepare(
    "SELECT page_count AS pages, page_size AS size FROM pragma_page_count, pragma_page_size",
  );
  let triedAt = 0;

  return {
    rest(): void {
      const { log } = look.get() as unknown as LogState;
      if (log < triedAt) triedAt = 0;
      if (log - triedAt < stepPages) return;
      // A reader in an old page, or a disk without space, may leave a rest: that goes with the next step.
      triedAt = log;
      copy.get();
    },
    /**
     * What was erased leaves the files: pages that were given up are written anew or let go, where that takes less than a
     * second, and the write-ahead log is emptied. False: somebody reads an old page, it is to be tried again.
     */
    clean(): boolean {
      const { pages, size } = extent.get() as { pages: number; size: number };
      if (pages * size <= vacuumMost) db.exec("VACUUM");
      triedAt = 0;
      return (empty.get() as unknown as { readonly busy: number }).busy === 0;
    },
    finish(): void {
      db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    },
  };
}
