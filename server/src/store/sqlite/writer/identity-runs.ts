import type { DatabaseSync } from "node:sqlite";
import { addToFilter, makeFilter, mayContain } from "./identity-filter.ts";
import type { IdentityHash } from "./identity-hash.ts";
import type { IdentityTail } from "./identity-tail.ts";

const buckets = 1024;
const bucketShift = 22;
/** So many a group: a run is written in 16 groups, each delayed by less than a millisecond. */
const bucketsPerStep = 64;

interface Run {
  readonly run: number;
  readonly lastId: number;
  readonly firstId: number;
  readonly newestAt: number;
  readonly filter: Uint8Array;
}

/** Places of the tail's rows, bucket by bucket: `starts[b]` to `starts[b + 1]` in `places`. */
function sortByBucket({ count, first }: IdentityTail) {
  const starts = new Uint32Array(buckets + 1);
  for (let place = 0; place < count; place++) starts[(first[place]! >>> bucketShift) + 1]! += 1;
  for (let bucket = 0; bucket < buckets; bucket++) starts[bucket + 1]! += starts[bucket]!;
  const places = new Uint32Array(count);
  const next = starts.slice();
  for (let place = 0; place < count; place++) places[next[first[place]! >>> bucketShift]!++] = place;
  return { starts, places };
}

export function makeIdentityRuns(db: DatabaseSync) {
  const insertBucket = db.prepare("INSERT OR REPLACE INTO identity_buckets(id, entries) VALUES (?, ?)");
  const insertRun = db.prepare(
    "INSERT INTO identity_runs(run, first_id, last_id, newest_at, filter) VALUES (?, ?, ?, ?, ?)",
  );
  const selectBucket = db.prepare("SELECT entries FROM identity_buckets WHERE id = ?");
  const removeBuckets = db.prepare("DELETE FROM identity_buckets WHERE id >= ? AND id < ?");
  const removeRun = db.prepare("DELETE FROM identity_runs WHERE run = ?");
  const selectRuns = db.prepare(
    `SELECT run, first_id AS firstId, last_id AS lastId, newest_at AS newestAt, filter
     FROM identity_runs ORDER BY run`,
  );

  const inRuns = db.prepare("SELECT in_runs AS id FROM meta");
  const setInRuns = db.prepare("UPDATE meta SET in_runs = ?");
  const load = (): Run[] => selectRuns.all() as unknown as Run[];
  let runs = load();
  let changed = false;

  const search = (hash: IdentityHash, take: (id: number) => boolean): boolean => {
    for (let at = runs.length - 1; at >= 0; at--) {
      const run = runs[at]!;
      if (!mayContain(run.filter, hash)) continue;
      const bucket = selectBucket.get(run.run * buckets + (hash.first >>> bucketShift));
      if (!bucket) continue;
      const bytes = (bucket as { entries: Uint8Array }).entries;
      const entries = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
      for (let entry = 0; entry < entries.length; entry += 2) {
        if (entries[entry] === hash.second && take(run.firstId + entries[entry + 1]!)) return true;
      }
    }
    return false;
  };

  /** Writes a tail as a run, a step a call; a step that says true was the last. */
  const seal = (tail: IdentityTail): (() => boolean) => {
    const { starts, places } = sortByBucket(tail);
    const run = (runs.at(-1)?.run ?? 0) + 1;
    const filter = makeFilter(tail.runRows);
    const hash = { first: 0, second: 0 };
    let next = 0;
    return () => {
      const until = Math.min(next + bucketsPerStep, buckets);
      for (; next < until; next++) {
        const from = starts[next]!;
        const entries = new Uint32Array((starts[next + 1]! - from) * 2);
        for (let at = 0; at < entries.length; at += 2) {
          const place = places[from + at / 2]!;
          hash.first = tail.first[place]!;
          hash.second = tail.second[place]!;
          addToFilter(filter, hash);
          entries[at] = hash.second;
          entries[at + 1] = place;
        }
        insertBucket.run(run * buckets + next, new Uint8Array(entries.buffer));
      }
      if (next < buckets) return false;
      const lastId = tail.firstId + tail.count - 1;
      insertRun.run(run, tail.firstId, lastId, tail.newestAt, filter);
      setInRuns.run(lastId);
      runs.push({ run, firstId: tail.firstId, lastId, newestAt: tail.newestAt, filter });
      changed = true;
      return true;
    };
  };

  /** Drops the oldest run if all of it is older; says whether there was one. */
  const dropOlder = (than: number): boolean => {
    const oldest = runs[0];
    if (!oldest || oldest.newestAt >= than) return false;
    removeBuckets.run(oldest.run * buckets, (oldest.run + 1) * buckets);
    removeRun.run(oldest.run);
    runs.shift();
    changed = true;
    return true;
  };

  const committed = (): void => {
    changed = false;
  };

  const rolledBack = (): void => {
    if (changed) runs = load();
    changed = false;
  };

  return {
    search,
    seal,
    dropOlder,
    committed,
    rolledBack,
    lastId: (): number => (inRuns.get() as { id: number }).id,
  };
}
