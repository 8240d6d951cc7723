import type { GapFrame } from "@carillon/protocol/frames";

/** A place in a stream, as a cursor gives it: the epoch is known modulo 256. */
export interface Place {
  readonly epoch: number;
  readonly seq: number;
}

export interface Start {
  /** The session has everything up to and including this seq. */
  readonly pos: number;
  /** What it is told that it won't get, in order. */
  readonly gaps: readonly Omit<GapFrame, "type" | "stream">[];
}

/**
 * Where a session starts in a stream.
 *
 * `place` is what the client, or the stored position of its device, says; null when neither says anything: then
 * it starts from the oldest that is kept and its own (`since`). A place of another epoch or ahead of the head
 * means that the store went back: a gap says so, never a silent jump. At most `replay` rows are replayed.
 */
export function startPlace(
  place: Place | null,
  stream: { readonly epoch: number; readonly head: number; readonly first: number },
  since: number,
  replay: number,
): Start {
  const gaps: Omit<GapFrame, "type" | "stream">[] = [];
  const kept = stream.first - 1;
  let pos = Math.max(since, kept);
  if (place !== null && place.epoch !== stream.epoch % 256) {
    gaps.push({ reason: "epoch", from: 0, to: pos });
  } else if (place !== null && place.seq > stream.head) {
    pos = stream.head;
    gaps.push({ reason: "rewound", from: 0, to: pos });
  } else if (place !== null) {
    pos = Math.max(place.seq, since);
    if (pos < kept) {
      gaps.push({ reason: "trimmed", from: pos + 1, to: kept });
      pos = kept;
    }
  }
  if (stream.head - pos > replay) {
    gaps.push({ reason: "skipped", from: pos + 1, to: stream.head - replay });
    pos = stream.head - replay;
  }
  return { pos, gaps };
}
