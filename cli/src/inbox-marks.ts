import { isStreamName } from "@carillon/protocol/stream";
import { UsageError } from "./verb.ts";

export interface Act {
  readonly name: string;
  readonly kind: "read" | "archive";
  readonly undo: boolean;
  readonly done: string;
}

export const acts: readonly Act[] = [
  { name: "read", kind: "read", undo: false, done: "read" },
  { name: "unread", kind: "read", undo: true, done: "unread again" },
  { name: "archive", kind: "archive", undo: false, done: "archived" },
  { name: "unarchive", kind: "archive", undo: true, done: "back in the inbox" },
];

/** The body that says what to mark: all, up to a place, or single ones. */
export function markOf(
  { name, undo }: Act,
  user: string,
  [stream, ...seqs]: readonly string[],
  given: { readonly all?: boolean; readonly "up-to"?: string },
): object {
  const upTo = given["up-to"];
  if (undo && (given.all || upTo !== undefined)) throw new UsageError(`${name} takes single places alone`);
  if (given.all) {
    if (stream !== undefined || upTo !== undefined) throw new UsageError("--all is of all streams");
    return { all: true };
  }
  if (stream === undefined) throw new UsageError(`which stream? user:${user}, or topic:<name>`);
  if (!isStreamName(stream)) throw new UsageError(`${stream} is no stream: user:${user}, or topic:<name>`);
  if ((upTo === undefined) === (seqs.length === 0)) throw new UsageError("which places, or --up-to which?");
  if (upTo !== undefined) return { stream, upTo: seqOf(upTo) };
  return { stream, seqs: seqs.map(seqOf), ...(undo ? { undo } : {}) };
}

function seqOf(word: string): number {
  if (!/^[1-9]\d{0,14}$/.test(word)) throw new UsageError(`${word} is no place in a stream: 1, 2, 3, ...`);
  return Number(word);
}
