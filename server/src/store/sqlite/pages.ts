import type { Heads, Kind, Page } from "../streams.ts";
import { receiptFlag } from "./batch.ts";

/** A page as columns; the first row's seq is `from + 1`. */
export interface PackedPage {
  readonly head: number;
  readonly first: number;
  readonly from: number;
  readonly flags: readonly number[];
  readonly expires: readonly (number | null)[];
  readonly bodies: readonly (string | null)[];
}

export interface PackedHeads {
  readonly epoch: number;
  readonly heads: readonly number[];
  readonly trimmed: readonly number[];
  readonly revs: readonly number[];
  readonly receiptSeqs: readonly number[];
}

export function unpackPage({ head, first, from, flags, expires, bodies }: PackedPage): Page {
  const rows = flags.map((flag, at) => ({
    seq: from + 1 + at,
    kind: (flag & ~receiptFlag) as Kind,
    expiresAt: expires[at]!,
    receipt: (flag & receiptFlag) !== 0,
    body: bodies[at]!,
  }));
  return { first, head, rows };
}

export function unpackHeads({ epoch, heads, trimmed, revs, receiptSeqs }: PackedHeads): Heads {
  return {
    epoch,
    heads: heads.map((head, at) => ({
      head,
      first: trimmed[at]! + 1,
      rev: revs[at]!,
      receiptSeq: receiptSeqs[at]!,
    })),
  };
}
