/**
 * What a client knows of where it stands, and the rules of order that it holds the server to (sections 6.3, 6.4
 * and 11 of the specification). It outlives sessions: what was shown in one is a repeat in the next.
 */
import type { GapFrame, NotificationFrame, ServerFrame } from "@carillon/protocol/frames";

export interface Places {
  /** Begins a session: the first notification of each stream is compared with what was shown before. */
  begin(): void;
  /** False for a repeat, which is not shown. Throws what is wrong with the order. */
  take(frame: ServerFrame): boolean;
  /** What was shown, by stream, in order. */
  shown(stream: string): readonly NotificationFrame[];
  /** How many notifications came a second time, across sessions. */
  repeats(): number;
}

export function makePlaces(): Places {
  /** Up to where everything was shown, over all sessions. */
  const places = new Map<string, number>();
  /** The seq that came last in this session, shown or not: what the next `prev` must be. */
  let session = new Map<string, number>();
  let left = new Set<string>();
  const shown = new Map<string, NotificationFrame[]>();
  let repeats = 0;

  function moveTo(stream: string, seq: number): void {
    places.set(stream, seq);
    session.set(stream, seq);
  }

  function takeNotification(frame: NotificationFrame): boolean {
    const { stream, seq, prev } = frame;
    if (left.has(stream)) throw new Error(`${stream} was left, and yet ${seq} came`);
    if (seq === undefined) {
      if (prev !== undefined) throw new Error(`an ephemeral notification with prev ${prev}`);
      return show(frame);
    }
    if (prev === undefined || prev >= seq) throw new Error(`${stream} ${seq} has prev ${prev}`);
    const before = session.get(stream);
    if (before !== undefined && prev !== before) {
      throw new Error(`${stream}: ${seq} says that ${prev} was before it, but it was ${before}`);
    }
    const place = places.get(stream);
    if (place !== undefined && prev > place) {
      throw new Error(`${stream}: the session starts behind ${prev}, but only up to ${place} was shown`);
    }
    session.set(stream, seq);
    if (place !== undefined && seq <= place) {
      repeats++;
      return false;
    }
    places.set(stream, seq);
    return show(frame);
  }

  function show(frame: NotificationFrame): boolean {
    const those = shown.get(frame.stream) ?? [];
    shown.set(frame.stream, those);
    those.push(frame);
    return true;
  }

  function takeGap({ stream, reason, from, to }: GapFrame): void {
    const back = reason === "rewound" || reason === "epoch";
    const before = session.get(stream);
    if (back ? from !== 0 : from > to) throw new Error(`a gap (${reason}) from ${from} to ${to}`);
    if (!back && before !== undefined && from !== before + 1) {
      throw new Error(`${stream}: a gap from ${from}, but the place is ${before}`);
    }
    moveTo(stream, to);
  }

  return {
    begin() {
      session = new Map();
      left = new Set();
    },
    take(frame) {
      if (frame.type === "notification") return takeNotification(frame);
      if (frame.type === "gap") takeGap(frame);
      if (frame.type === "subscribe") {
        moveTo(frame.stream, frame.seq ?? Number.NaN);
        left.delete(frame.stream);
      }
      if (frame.type === "unsubscribe") {
        places.delete(frame.stream);
        session.delete(frame.stream);
        left.add(frame.stream);
      }
      return true;
    },
    shown: (stream) => shown.get(stream) ?? [],
    repeats: () => repeats,
  };
}
