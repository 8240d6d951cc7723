import { Kind, type Row } from "../store/streams.ts";

/**
 * The newest rows of one stream in memory, contiguous, oldest first. All rings of a process share one byte
 * budget; when it is spent, the rows that were added longest ago go first, whichever ring holds them.
 */
export interface Ring {
  rows: Row[];
  /** Index in `rows` of the oldest row kept: dropping one moves this, and the array is cut now and then. */
  start: number;
}

export interface RingBudget {
  add(ring: Ring, row: Row): void;
  /** Forgets a ring's rows, for a hub that goes or a stream that jumped. */
  clear(ring: Ring): void;
  sizeBytes(): number;
}

const rowOverheadBytes = 160;
const rowBytes = (row: Row): number => rowOverheadBytes + (row.body?.length ?? 0) * 2;

export const makeRing = (): Ring => ({ rows: [], start: 0 });
export const ringLength = (ring: Ring): number => ring.rows.length - ring.start;
export const firstSeq = (ring: Ring): number | undefined => ring.rows[ring.start]?.seq;

/** The row with this seq; it must be covered. */
export function rowAt(ring: Ring, seq: number): Row {
  const row = ring.rows[ring.start + seq - (firstSeq(ring) as number)];
  if (row === undefined || row.seq !== seq) throw new Error(`seq ${seq} is not in the ring`);
  return row;
}

/** True when the ring holds `seq` (and so everything newer). */
export const covers = (ring: Ring, seq: number): boolean => {
  const first = firstSeq(ring);
  return first !== undefined && seq >= first;
};

/** Puts another value in a row's place: a tombstone where a notification was taken back. */
export function replaceRow(ring: Ring, row: Row): void {
  const first = firstSeq(ring);
  if (first === undefined || row.seq < first) return;
  const index = ring.start + row.seq - first;
  if (index < ring.rows.length) ring.rows[index] = row;
}

/** Stands where a row was: what is gone must not stay in memory for as long as the array isn't cut. */
const gone: Row = { seq: 0, kind: Kind.tombstone, expiresAt: null, receipt: false, body: null };

function dropOldest(ring: Ring): void {
  ring.rows[ring.start++] = gone;
  if (ring.start < 64 || ring.start * 2 < ring.rows.length) return;
  ring.rows = ring.rows.slice(ring.start);
  ring.start = 0;
}

export function makeRingBudget(limitBytes: number, mostRows: number): RingBudget {
  let queue: { ring: Ring; seq: number; bytes: number }[] = [];
  let oldest = 0;
  let total = 0;

  function evict(): void {
    const entry = queue[oldest++];
    if (entry === undefined) return;
    total -= entry.bytes;
    if (firstSeq(entry.ring) === entry.seq) dropOldest(entry.ring);
    if (oldest >= 1024 && oldest * 2 > queue.length) {
      queue = queue.slice(oldest);
      oldest = 0;
    }
  }

  return {
    add(ring, row) {
      const bytes = rowBytes(row);
      ring.rows.push(row);
      queue.push({ ring, seq: row.seq, bytes });
      total += bytes;
      if (ringLength(ring) > mostRows) dropOldest(ring);
      while (total > limitBytes && oldest < queue.length) evict();
    },
    clear(ring) {
      ring.rows = [];
      ring.start = 0;
    },
    sizeBytes: () => total,
  };
}
