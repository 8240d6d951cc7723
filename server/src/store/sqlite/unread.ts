import type { Mark } from "@carillon/protocol/marks";
import type { StreamName } from "@carillon/protocol/stream";
import { markOf } from "../marks.ts";
import type { Unread } from "../positions.ts";

/** Unread as columns; the single ones of marks as they are stored, in JSON. */
export interface PackedUnread {
  readonly epoch: number;
  readonly rev: number;
  readonly streams: readonly StreamName[];
  readonly counts: readonly number[];
  readonly unseen: readonly number[];
  readonly heads: readonly number[];
  readonly read: PackedMarks;
  readonly archive: PackedMarks;
}

interface PackedMarks {
  readonly upTo: readonly number[];
  readonly except: readonly string[];
}

const sum = (counts: readonly number[]): number => counts.reduce((total, count) => total + count, 0);

const markAt = ({ upTo, except }: PackedMarks, at: number): Mark =>
  markOf(upTo[at]!, except[at] === "[]" ? [] : JSON.parse(except[at]!));

export function unpackUnread({
  epoch,
  rev,
  streams,
  counts,
  unseen,
  heads,
  read,
  archive,
}: PackedUnread): Unread {
  return {
    epoch,
    rev,
    total: sum(counts),
    unseen: sum(unseen),
    streams: streams.map((stream, at) => ({
      stream,
      count: counts[at]!,
      unseen: unseen[at]!,
      head: heads[at]!,
      read: markAt(read, at),
      archive: markAt(archive, at),
    })),
  };
}
