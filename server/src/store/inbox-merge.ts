/**
 * The merge of streams into pages of an inbox. It does no I/O: it says what is to be scanned, is given the rows, and
 * goes on until a page is full, everything was looked at, or too many rows were.
 *
 * A stream's rows are taken in the order of its seqs, and of all streams' next rows the newest is taken first. A row
 * is taken only while the next row of every stream is known, so that none comes too late.
 */
import type { Range } from "./inbox-ranges.ts";
import type { InboxFilter } from "./queries.ts";

/** The rows of these seqs, of one stream. */
export interface Scan {
  readonly lane: number;
  readonly ranges: readonly Range[];
}

export interface ScannedRow {
  readonly seq: number;
  /** When it was stored. */
  readonly at: number;
  /** The bytes of its body; 0: it isn't shown. */
  readonly size: number;
}

/** One that the page shows; `lane` is its stream, as they were given. */
export interface Taken {
  readonly lane: number;
  readonly seq: number;
}

export interface InboxMerge {
  /** What has to be known to go on; nothing when it is done. Each is answered by `give`, before the next call. */
  scans(): readonly Scan[];
  /** All that is kept of what was asked for, the newest first. */
  give(scan: Scan, rows: readonly ScannedRow[]): void;
  readonly taken: readonly Taken[];
  /** By lane, the newest seq that was not taken; 0 when there is none. */
  next(): number[];
}

interface Lane {
  /** What isn't scanned yet. */
  ranges: readonly Range[];
  rows: readonly ScannedRow[];
  at: number;
  /** How many rows were last asked for. */
  asked: number;
}

const rowsMost = 1_024;
const bodiesMost = 1 << 20;
const scanMost = 256;
/** Clocks of several writers differ: what is older by more than this has nothing behind it that is new enough. */
const clocksDifferMs = 60_000;

/** Lanes in the order of their streams, each with what of it may be shown. */
export function makeInboxMerge(
  lanesRanges: readonly (readonly Range[])[],
  limit: number,
  since: InboxFilter["since"],
): InboxMerge {
  const lanes = lanesRanges.map((ranges): Lane => ({ ranges, rows: [], at: 0, asked: 0 }));
  const open = lanes.filter(({ ranges }) => ranges.length > 0).length;
  const askedFirst = Math.min(limit + 1, Math.max(2, Math.ceil((2 * limit + 2) / Math.max(1, open))));
  const taken: Taken[] = [];
  let size = 0;
  let scanned = 0;

  /** The lane whose next row is the newest; -1 when one isn't known, or there is none. */
  const newest = (): number => {
    let best = -1;
    let at = 0;
    for (const [number, lane] of lanes.entries()) {
      const row = lane.rows[lane.at];
      if (row === undefined && lane.ranges.length > 0) return -1;
      if (row === undefined || (best !== -1 && row.at <= at)) continue;
      best = number;
      at = row.at;
    }
    return best;
  };

  /** False: the page is full. */
  const take = (): boolean => {
    while (taken.length < limit) {
      const number = newest();
      if (number === -1) return true;
      const lane = lanes[number]!;
      const row = lane.rows[lane.at]!;
      if (row.size > 0) {
        if (taken.length > 0 && size + row.size > bodiesMost) return false;
        size += row.size;
        taken.push({ lane: number, seq: row.seq });
      }
      lane.at++;
    }
    return false;
  };

  return {
    taken,
    scans() {
      if (!take()) return [];
      let most = rowsMost - scanned;
      const due = [...lanes.entries()].flatMap(([number, lane]) => {
        const left = lane.rows.length - lane.at;
        // Those that are nearly through are asked for along with one that is: a scan may be a round trip.
        return lane.ranges.length > 0 && left * 4 <= lane.asked ? [{ number, lane, left }] : [];
      });
      return due
        .sort((one, other) => one.left - other.left)
        .flatMap(({ number, lane }) => {
          const wanted = lane.asked === 0 ? askedFirst : Math.max(limit, 2 * lane.asked);
          const asked = Math.min(most, scanMost, wanted);
          if (asked <= 0) return [];
          const ranges = firstOf(lane.ranges, asked);
          lane.asked = countOf(ranges);
          most -= lane.asked;
          return [{ lane: number, ranges }];
        });
    },
    give({ lane: number, ranges }, rows) {
      const lane = lanes[number]!;
      scanned += countOf(ranges);
      // A stream has no holes: where rows are missing, nothing further back is kept.
      const isAll = rows.length < countOf(ranges);
      lane.ranges = isAll ? [] : behind(lane.ranges, ranges.at(-1)!.low);
      const tooOld = since === null ? -1 : rows.findIndex(({ at }) => at < since - clocksDifferMs);
      if (tooOld !== -1) lane.ranges = [];
      lane.rows = [...lane.rows.slice(lane.at), ...(tooOld === -1 ? rows : rows.slice(0, tooOld))];
      lane.at = 0;
    },
    next: () => lanes.map((lane) => lane.rows[lane.at]?.seq ?? lane.ranges[0]?.high ?? 0),
  };
}

const countOf = (ranges: readonly Range[]): number =>
  ranges.reduce((count, { low, high }) => count + high - low + 1, 0);

function firstOf(ranges: readonly Range[], most: number): Range[] {
  const first: Range[] = [];
  let left = most;
  for (const { low, high } of ranges) {
    if (left <= 0) break;
    first.push({ low: Math.max(low, high - left + 1), high });
    left -= high - low + 1;
  }
  return first;
}

const behind = (ranges: readonly Range[], seq: number): Range[] =>
  ranges.flatMap(({ low, high }) => (low < seq ? [{ low, high: Math.min(high, seq - 1) }] : []));
