/**
 * Where a client stands in each of its streams, and what each frame means for that. Pure but for its own state.
 *
 * Every notification says `prev`, the place that it follows; one that doesn't follow ours means that something
 * was lost on the way, and one that we are beyond is a repeat.
 */
import {
  type CursorPlace,
  decodeCursor,
  encodeCursor,
  type StreamTag,
  tagOf,
} from "@carillon/protocol/cursor";
import type { NotificationFrame, ServerFrame } from "@carillon/protocol/frames";

export type Verdict = "show" | "repeat" | "lost" | "other";

export interface Places {
  /** Takes over a cursor's places; false when it is damaged. */
  seed(cursor: string): boolean;
  /** Learns the epoch from a cursor whose places are still to come. */
  foresee(cursor: string): void;
  take(frame: ServerFrame): Verdict;
  /** Null before anything is known. */
  cursor(): string | null;
}

export function makePlaces(): Places {
  let places = new Map<StreamTag, CursorPlace>();
  let known = false;
  let epoch = 0;

  function seed(cursor: string): boolean {
    const { entries } = decodeCursor(cursor);
    if (entries === undefined) return false;
    places = new Map(entries);
    for (const place of places.values()) epoch = place.epoch;
    known = true;
    return true;
  }

  function notified({ stream, seq, prev }: NotificationFrame): Verdict {
    if (seq === undefined) return "show";
    const tag = tagOf(stream);
    const place = places.get(tag);
    if (place !== undefined && seq <= place.seq) return "repeat";
    if (place !== undefined && prev !== place.seq) return "lost";
    places.set(tag, { epoch, seq });
    return "show";
  }

  return {
    seed,
    foresee(cursor) {
      for (const place of decodeCursor(cursor).entries?.values() ?? []) {
        epoch = place.epoch;
        known = true;
      }
    },
    take(frame) {
      switch (frame.type) {
        case "hello":
          seed(frame.cursor);
          epoch = frame.epoch % 256;
          return "other";
        case "notification":
          return notified(frame);
        case "gap":
          places.set(tagOf(frame.stream), { epoch, seq: frame.to });
          return "other";
        case "subscribe":
          places.set(tagOf(frame.stream), { epoch, seq: frame.seq ?? 0 });
          return "other";
        case "unsubscribe":
          places.delete(tagOf(frame.stream));
          return "other";
        default:
          return "other";
      }
    },
    cursor: () =>
      known
        ? encodeCursor([...places].map(([tag, place]) => ({ tag, epoch: place.epoch, seq: place.seq })))
        : null,
  };
}
