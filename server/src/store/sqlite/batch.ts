import { authorOf } from "../erasing.ts";
import type { Applied, Batch, Outcome, StreamRecord } from "../streams.ts";

/** A batch as columns. `collapse` and `expires` are null when no record has one. */
export interface PackedBatch {
  readonly part: number;
  readonly progress: Batch["progress"];
  readonly streams: readonly string[];
  readonly keys: readonly string[];
  readonly digests: readonly string[];
  /** kind, and 4 where a receipt is wanted. */
  readonly flags: readonly number[];
  readonly collapse: readonly (string | null)[] | null;
  readonly expires: readonly (number | null)[] | null;
  readonly bodies: readonly string[];
  /** Null where no record is from a user. */
  readonly authors: readonly (string | null)[] | null;
  /** Null where the log keeps no offsets. */
  readonly accepted: readonly number[] | null;
  readonly rejected: Batch["rejected"];
}

export interface PackedOutcomes {
  readonly owned: boolean;
  /** Places in `statuses`. */
  readonly codes: readonly number[];
  readonly seqs: readonly number[];
}

export const receiptFlag = 4;
const statuses = ["stored", "duplicate", "conflict", "closed"] as const;
export const Status = { stored: 0, duplicate: 1, conflict: 2, closed: 3 } as const;

const flagsOf = ({ kind, receipt }: StreamRecord): number => (receipt ? kind | receiptFlag : kind);

export function packBatch({ part, progress, records, rejected }: Batch): PackedBatch {
  const authors = records.map(({ body }) => authorOf(body));
  return {
    part,
    progress,
    streams: records.map((record) => record.stream),
    keys: records.map((record) => record.key),
    digests: records.map((record) => record.digest),
    flags: records.map(flagsOf),
    collapse: records.some((record) => record.collapseKey !== null)
      ? records.map((record) => record.collapseKey)
      : null,
    expires: records.some((record) => record.expiresAt !== null)
      ? records.map((record) => record.expiresAt)
      : null,
    bodies: records.map((record) => record.body),
    authors: authors.some((author) => author !== null) ? authors : null,
    accepted: progress === null ? null : records.map((record) => record.acceptedAt),
    rejected,
  };
}

export function unpackOutcomes({ owned, codes, seqs }: PackedOutcomes, committedAt: number): Applied {
  const outcomes = codes.map((code, at): Outcome => {
    const status = statuses[code]!;
    return status === "closed" ? { status } : { status, seq: seqs[at]! };
  });
  return { owned, outcomes, committedAt };
}
