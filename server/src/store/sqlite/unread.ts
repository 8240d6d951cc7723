import type { StreamName } from "@carillon/protocol/stream";
import type { Unread } from "../positions.ts";

/** Unread as columns. */
export interface PackedUnread {
  readonly epoch: number;
  readonly rev: number;
  readonly streams: readonly StreamName[];
  readonly counts: readonly number[];
  readonly heads: readonly number[];
  readonly readSeqs: readonly number[];
}

export function unpackUnread({ epoch, rev, streams, counts, heads, readSeqs }: PackedUnread): Unread {
  return {
    epoch,
    rev,
    total: counts.reduce((sum, count) => sum + count, 0),
    streams: streams.map((stream, at) => ({
      stream,
      count: counts[at]!,
      head: heads[at]!,
      readSeq: readSeqs[at]!,
    })),
  };
}
