/**
 * What one client has, and whether it came as the protocol says: in order, without a hole, once. Nothing in these
 * tests expires or is taken back, so every `prev` is `seq - 1`.
 */
import { type DecodedCursor, decodeCursor, encodeCursor, tagOf } from "@carillon/protocol/cursor";
import type { ServerFrame } from "@carillon/protocol/frames";
import type { StreamName } from "@carillon/protocol/stream";
import type { Ledger, Violation } from "./ledger.ts";

export interface Inbox {
  readonly who: string;
  /** Ids by seq - 1. */
  readonly received: ReadonlyMap<StreamName, readonly string[]>;
  /** The newest that the server gave. */
  cursor: string | null;
  /** Of the places of what was received; the newest given where they are not known. */
  ownCursor(): string | null;
  /** Frames that were there already. */
  repeats(): number;
  /** When the server last said something, by `performance.now()`. */
  heardAt(): number;
  /** When each of a stream was first here, by seq - 1. */
  arrivedAt(stream: StreamName): readonly number[];
  /** A connection opens with this cursor: what it covers must not come again. */
  opening(cursor: string | null): void;
  /** The server said something that is no frame. */
  heard(): void;
  take(frame: ServerFrame): void;
  /** Resolves when it has so many of a stream. */
  has(stream: StreamName, count: number): Promise<void>;
}

export function makeInbox(who: string, ledger: Ledger): Inbox {
  const received = new Map<StreamName, string[]>();
  const times = new Map<StreamName, number[]>();
  let presented: DecodedCursor["entries"];
  /** Within the connection that is open. */
  let shown = new Map<StreamName, number>();
  let heardAt = 0;
  const waiting = new Set<() => void>();
  /** Polls don't say it, except within the cursor. */
  let epoch: number | null = null;
  let cursor: string | null = null;
  let repeats = 0;
  const fail = (what: string, kind?: Violation): void => ledger.violated(`${who}: ${what}`, kind);
  const covered = (stream: StreamName): number =>
    shown.get(stream) ?? presented?.get(tagOf(stream))?.seq ?? 0;

  function take(frame: ServerFrame): void {
    heardAt = performance.now();
    switch (frame.type) {
      case "hello":
        epoch = frame.epoch;
        cursor ??= frame.cursor;
        return;
      case "caught-up":
      case "cursor":
        cursor = frame.cursor;
        return;
      case "gap":
        return fail(`gap (${frame.reason}) in ${frame.stream} from ${frame.from} to ${frame.to}`);
      case "notification": {
        const { stream, seq = 0, prev, event } = frame;
        const ids = received.get(stream) ?? [];
        received.set(stream, ids);
        ledger.arrived(who, stream, seq, event.id, event["data"]);
        if (seq <= covered(stream)) fail(`${stream} ${seq} came after ${covered(stream)}`, "repeated");
        shown.set(stream, seq);
        if (prev !== seq - 1) fail(`${stream} ${seq} has prev ${prev}`, "out of order");
        if (seq <= ids.length) {
          repeats++;
          if (ids[seq - 1] !== event.id) fail(`${stream} ${seq} was ${ids[seq - 1]}, now ${event.id}`);
          return;
        }
        if (seq !== ids.length + 1) return fail(`${stream} ${seq} came after ${ids.length}`, "out of order");
        ids.push(event.id);
        const at = times.get(stream) ?? [];
        times.set(stream, at);
        at.push(heardAt);
        for (const look of waiting) look();
      }
    }
  }

  return {
    who,
    received,
    get cursor() {
      return cursor;
    },
    set cursor(newer) {
      if (newer !== null && decodeCursor(newer).error !== undefined) fail(`a bad cursor: ${newer}`);
      cursor = newer;
    },
    ownCursor() {
      const known = epoch;
      if (received.size === 0 || known === null) return cursor;
      const places = [...received].map(([stream, ids]) => ({ tag: tagOf(stream), seq: ids.length }));
      return encodeCursor(places.map((place) => ({ ...place, epoch: known })));
    },
    repeats: () => repeats,
    heardAt: () => heardAt,
    arrivedAt: (stream) => times.get(stream) ?? [],
    opening(token) {
      presented = token === null ? undefined : decodeCursor(token).entries;
      shown = new Map();
    },
    heard() {
      heardAt = performance.now();
    },
    take,
    has: (stream, count) =>
      new Promise((resolve) => {
        const look = (): void => {
          if ((received.get(stream)?.length ?? 0) < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
        look();
      }),
  };
}
