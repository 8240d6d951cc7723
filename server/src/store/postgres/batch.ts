import type { StreamName } from "@carillon/protocol/stream";
import type { Outcome, StreamRecord } from "../streams.ts";

/** Records that one statement can number: of each stream and key the first, and which records repeat it. */
export interface Run {
  readonly records: readonly StreamRecord[];
  readonly names: readonly StreamName[];
  readonly firsts: readonly StreamRecord[];
  /** For each of `firsts`, the place of its stream in `names`, counted from 1. */
  readonly inStream: readonly number[];
  /** For each of `records`, the place of the first with its stream and key in `firsts`. */
  readonly firstOf: readonly number[];
}

/** What the statement says of `firsts`. */
export interface RunAnswer {
  /** A digit for each: a place in `statuses`. */
  readonly codes: string | null;
  /** Joined by commas. */
  readonly seqs: string | null;
  /** The digests that are kept, for the conflicts among them. */
  readonly conflicting: readonly string[] | null;
}

const statuses = ["stored", "duplicate", "conflict", "closed"] as const;

/**
 * Cuts a batch into runs, at least one. A repeat that was accepted later than the first might be beyond the window of what the first
 * repeats, and then takes a seq; the statement that says so comes after the first's.
 */
export function cutIntoRuns(records: readonly StreamRecord[], byAcceptance: boolean): Run[] {
  const runs: Run[] = [];
  for (let from = 0; from < records.length || runs.length === 0; ) {
    const places = new Map<StreamName, { readonly place: number; readonly keys: Map<string, number> }>();
    const firsts: StreamRecord[] = [];
    const inStream: number[] = [];
    const firstOf: number[] = [];
    let at = from;
    for (; at < records.length; at++) {
      const record = records[at]!;
      let stream = places.get(record.stream);
      if (!stream) {
        stream = { place: places.size + 1, keys: new Map() };
        places.set(record.stream, stream);
      }
      const first = stream.keys.get(record.key);
      if (first === undefined) {
        stream.keys.set(record.key, firsts.length);
        firstOf.push(firsts.length);
        firsts.push(record);
        inStream.push(stream.place);
        continue;
      }
      if (byAcceptance && record.acceptedAt > firsts[first]!.acceptedAt) break;
      firstOf.push(first);
    }
    runs.push({ records: records.slice(from, at), names: [...places.keys()], firsts, inStream, firstOf });
    from = at;
  }
  return runs;
}

export function outcomesOf(
  { records, firsts, firstOf }: Run,
  { codes, seqs, conflicting }: RunAnswer,
): Outcome[] {
  const numbers = (seqs ?? "").split(",").map(Number);
  let conflicts = 0;
  const answers = firsts.map((first, at) => {
    const status = statuses[Number(codes?.[at])]!;
    const digest = status === "conflict" ? conflicting![conflicts++]! : first.digest;
    return { status, digest, seq: numbers[at]! };
  });
  let seen = 0;
  return records.map((record, at): Outcome => {
    const place = firstOf[at]!;
    const { status, digest, seq } = answers[place]!;
    const isFirst = place === seen;
    if (isFirst) seen += 1;
    if (status === "closed") return { status };
    if (isFirst) return { status, seq };
    return { status: record.digest === digest ? "duplicate" : "conflict", seq };
  });
}
