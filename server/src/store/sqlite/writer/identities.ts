import type { DatabaseSync } from "node:sqlite";
import { Failure } from "../../../errors.ts";
import { hashIdentity } from "./identity-hash.ts";
import { makeIdentityRuns } from "./identity-runs.ts";
import {
  addToTail,
  cutTail,
  hasRoom,
  hasRun,
  type IdentityTail,
  makeTail,
  searchTail,
  skipInTail,
} from "./identity-tail.ts";

export interface Identity {
  readonly id: number;
  readonly digest: string;
  readonly seq: number;
  readonly createdAt: number;
}

/**
 * Finds rows by (stream, key) within the window. Newest rows are in memory (the tail), older ones in runs on disk.
 * `now` is the transaction's time.
 */
export interface Identities {
  find(streamId: number, key: string, now: number): Identity | undefined;
  /** Names the row to be inserted next for what `find` was asked last; its id is the answer. */
  claim(now: number): number;
  /** Inside each transaction: a bounded step of writing a full tail as a run, or all of it if the next one is full. */
  step(): void;
  committed(): void;
  /** The whole transaction, or one call of it. */
  rolledBack(whole: boolean): void;
  /** What was stored before is forgotten; and when what is stored at a time will be. */
  cutoff(now: number): number;
  dueAt(createdAt: number): number;
  /** Forgets what is beyond the window, at most `limit` runs; says how many. */
  prune(limit: number, now: number): number;
}

type Row = Identity & { readonly streamId: number; readonly key: string };

export function makeIdentities(db: DatabaseSync, windowMs: number, runRows = 1 << 18): Identities {
  const { seed } = db.prepare("SELECT hash_seed AS seed FROM meta").get() as { seed: number };
  const byId = db.prepare(
    "SELECT id, stream_id AS streamId, key, digest, seq, created_at AS createdAt FROM notifications WHERE id = ?",
  );
  const behind = db.prepare(
    "SELECT id, stream_id AS streamId, key, created_at AS createdAt FROM notifications WHERE id > ? ORDER BY id LIMIT ?",
  );
  const firstBehind = db.prepare("SELECT min(id) AS id FROM notifications WHERE id > ?");
  const runs = makeIdentityRuns(db);
  const hash = { first: 0, second: 0 };
  let tail = makeTail(1, runRows);
  let committedCount = 0;
  let sealing: { readonly tail: IdentityTail; step: () => boolean; done: boolean } | undefined;

  const sealWhole = (full: IdentityTail): void => {
    const step = runs.seal(full);
    db.exec("BEGIN IMMEDIATE");
    while (!step());
    db.exec("COMMIT");
    runs.committed();
  };

  /** Rows that are in no run yet, as after a crash; one run at a time, because a statement can't outlive a commit. */
  const load = (): void => {
    do {
      if (hasRun(tail)) sealWhole(tail);
      const lastId = runs.lastId();
      const { id: firstId } = firstBehind.get(lastId) as { id: number | null };
      tail = makeTail(firstId ?? lastId + 1, runRows);
      for (const row of behind.iterate(lastId, runRows) as Iterable<unknown> as Iterable<Row>) {
        while (tail.firstId + tail.count < row.id && hasRoom(tail)) skipInTail(tail);
        if (!hasRoom(tail)) break;
        hashIdentity(hash, seed, row.streamId, row.key);
        addToTail(tail, hash, row.createdAt);
      }
    } while (hasRun(tail));
    committedCount = tail.count;
  };

  let found: Identity | undefined;
  let wantedStream = 0;
  let wantedKey = "";
  let notBefore = 0;
  const take = (id: number): boolean => {
    const row = byId.get(id) as Row | undefined;
    if (!row || row.streamId !== wantedStream || row.key !== wantedKey || row.createdAt < notBefore)
      return false;
    found = row;
    return true;
  };

  load();

  return {
    find(streamId, key, now) {
      hashIdentity(hash, seed, streamId, key);
      found = undefined;
      wantedStream = streamId;
      wantedKey = key;
      notBefore = now - windowMs;
      if (!searchTail(tail, hash, take) && !(sealing && searchTail(sealing.tail, hash, take))) {
        runs.search(hash, take);
      }
      return found;
    },

    claim(now) {
      if (!hasRoom(tail)) throw new Failure("overloaded", "too many rows in one transaction");
      addToTail(tail, hash, now);
      return tail.firstId + tail.count - 1;
    },

    step() {
      if (!sealing || sealing.done) return;
      do sealing.done = sealing.step();
      while (!sealing.done && hasRun(tail));
    },

    committed() {
      runs.committed();
      if (sealing?.done) sealing = undefined;
      if (!sealing && hasRun(tail)) {
        sealing = { tail, step: runs.seal(tail), done: false };
        tail = makeTail(tail.firstId + tail.count, runRows);
      }
      committedCount = tail.count;
    },

    rolledBack(whole) {
      runs.rolledBack();
      if (whole) cutTail(tail, committedCount);
      if (sealing) sealing = { tail: sealing.tail, step: runs.seal(sealing.tail), done: false };
    },

    cutoff: (now) => now - windowMs,
    dueAt: (createdAt) => createdAt + windowMs + 1,

    prune(limit, now) {
      let dropped = 0;
      while (dropped < limit && runs.dropOlder(now - windowMs)) dropped++;
      return dropped;
    },
  };
}
