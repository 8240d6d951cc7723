/**
 * What a user has marked of a stream: read, archived (gone from the inbox, still in its history), or seen (they
 * looked at the badge). `spec.md`, section 6.7, is the normative text.
 */
import { limits } from "./limits.ts";
import { isStreamName, type StreamName } from "./stream.ts";

export type MarkKind = "read" | "archive" | "seen";

/** Everything up to and including `upTo`, but for those of `except`; beyond it nothing but those of `except`. */
export interface Mark {
  readonly upTo: number;
  /** Ascending, each once, at most `limits.marks`. */
  readonly except: readonly number[];
}

export const isMarked = ({ upTo, except }: Mark, seq: number): boolean =>
  seq <= upTo !== except.includes(seq);

export type MarkChange =
  /** Every stream that the user follows, up to its head. */
  | { readonly all: true }
  | { readonly stream: StreamName; readonly upTo: number }
  /** Single ones; `undo`: back to unmarked. */
  | { readonly stream: StreamName; readonly seqs: readonly number[]; readonly undo: boolean };

export interface NoMarkChange {
  /** Which member is wrong; "" where it is which of them there are. */
  readonly member: string;
  readonly detail: string;
}

const isSeq = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** Reads the members of a request or a frame that say what to mark; passes over those that don't. */
export function readMarkChange(
  kind: MarkKind,
  { all, stream, upTo, seqs, undo }: Readonly<Record<string, unknown>>,
): MarkChange | NoMarkChange {
  const wrong = (member: string, detail: string): NoMarkChange => ({ member, detail });
  const said = [all, upTo, seqs].filter((value) => value !== undefined);
  const ways = kind === "seen" ? "upTo, all" : "upTo, seqs, all";
  if (said.length !== 1) return wrong("", `must have exactly one of ${ways}`);
  if (undo !== undefined && seqs === undefined) return wrong("undo", "goes with seqs alone");
  if (all !== undefined) {
    if (all !== true) return wrong("all", "must be true");
    return stream === undefined ? { all } : wrong("stream", "doesn't go with all");
  }
  if (typeof stream !== "string" || !isStreamName(stream)) return wrong("stream", "is not a stream's name");
  if (seqs === undefined) return isSeq(upTo) ? { stream, upTo } : wrong("upTo", "is not a seq");
  if (kind === "seen") return wrong("seqs", "doesn't go with seen: one place a stream");
  const isSome = Array.isArray(seqs) && seqs.length >= 1 && seqs.length <= limits.marks;
  if (!isSome || !seqs.every(isSeq)) return wrong("seqs", `must be 1 to ${limits.marks} seqs`);
  if (undo !== undefined && typeof undo !== "boolean") return wrong("undo", "must be true or false");
  return { stream, seqs, undo: undo === true };
}
