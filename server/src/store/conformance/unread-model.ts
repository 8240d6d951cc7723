/** What users have marked and haven't read, seq by seq and row by row. */
import type { MarkChange, MarkKind } from "@carillon/protocol/marks";
import { type StreamName, userStream } from "@carillon/protocol/stream";
import type { StreamRecord } from "../streams.ts";

interface ModelRow {
  readonly seq: number;
  readonly record: StreamRecord;
  readonly storedAt: number;
  gone: boolean;
}

export function makeUnreadModel() {
  const rows = new Map<StreamName, ModelRow[]>();
  const trimmed = new Map<StreamName, number>();
  const follows = new Map<string, Map<StreamName, number>>();
  const marks = new Map<string, Set<number>>();

  const known = <K, V>(map: Map<K, V>, key: K, make: () => V): V => {
    const value = map.get(key) ?? make();
    map.set(key, value);
    return value;
  };
  const of = (stream: StreamName): ModelRow[] => known(rows, stream, () => []);
  const followed = (user: string): Map<StreamName, number> =>
    known(follows, user, () => new Map([[userStream(user), 0]]));
  const marked = (user: string, stream: StreamName, kind: MarkKind): Set<number> =>
    known(marks, `${user} ${stream} ${kind}`, () => new Set());
  const trim = (stream: StreamName, upTo: number): void => {
    trimmed.set(stream, Math.max(trimmed.get(stream) ?? 0, Math.min(upTo, of(stream).length)));
  };
  const bury = (stream: StreamName, which: (row: ModelRow) => boolean): void => {
    for (const row of of(stream)) row.gone ||= row.seq > (trimmed.get(stream) ?? 0) && which(row);
  };

  /** What is kept, and the user's. */
  const kept = (user: string, stream: StreamName): ModelRow[] => {
    const floor = Math.max(followed(user).get(stream)!, trimmed.get(stream) ?? 0);
    return of(stream).filter(({ seq }) => seq > floor);
  };

  function standing(user: string, stream: StreamName, now: number) {
    const seen = Math.max(0, ...marked(user, stream, "seen"));
    const unread = kept(user, stream).filter(
      ({ seq, gone, record: { kind, expiresAt } }) =>
        !gone &&
        kind === 0 &&
        (expiresAt === null || expiresAt > now) &&
        !marked(user, stream, "read").has(seq) &&
        !marked(user, stream, "archive").has(seq),
    );
    const unseen = unread.filter(({ seq }) => seq > seen).length;
    return { stream, count: unread.length, unseen, head: of(stream).length };
  }

  const markIn = (user: string, kind: MarkKind, stream: StreamName, change: MarkChange): void => {
    const mark = marked(user, stream, kind);
    if ("seqs" in change) {
      const mine = kept(user, stream).filter(({ seq }) => change.seqs.includes(seq));
      for (const { seq } of mine) change.undo ? mark.delete(seq) : mark.add(seq);
    } else {
      const upTo = "upTo" in change ? change.upTo : of(stream).length;
      for (const { seq } of of(stream)) if (seq <= upTo) mark.add(seq);
    }
  };

  return {
    publish(records: readonly StreamRecord[], now: number): void {
      for (const record of records) {
        const { stream, collapseKey } = record;
        if (collapseKey !== null) bury(stream, (row) => row.record.collapseKey === collapseKey);
        of(stream).push({ seq: of(stream).length + 1, record, storedAt: now, gone: false });
      }
    },
    /** Of what was stored since a time. */
    keyAt(stream: StreamName, at: number, since: number): string | undefined {
      const row = of(stream)[at];
      return row === undefined || row.storedAt < since ? undefined : row.record.key;
    },
    withdraw: (stream: StreamName, key: string): void => bury(stream, (row) => row.record.key === key),
    trim,
    trimmed: (stream: StreamName): number => trimmed.get(stream) ?? 0,
    /** The newest that was stored before a time. */
    oldUpTo: (stream: StreamName, before: number): number =>
      of(stream).findLast(({ storedAt }) => storedAt < before)?.seq ?? 0,
    subscribe(user: string, stream: StreamName): void {
      if (!followed(user).has(stream)) followed(user).set(stream, of(stream).length);
    },
    unsubscribe: (user: string, stream: StreamName): void => void followed(user).delete(stream),
    /** Deleted and made again: nothing is kept and nobody follows. */
    remake(stream: StreamName): void {
      trim(stream, of(stream).length);
      for (const topics of follows.values()) topics.delete(stream);
    },
    follows: (user: string, stream: StreamName): boolean => followed(user).has(stream),
    mark(user: string, kind: MarkKind, change: MarkChange): void {
      const streams = "all" in change ? [...followed(user).keys()] : [change.stream];
      for (const stream of streams) if (followed(user).has(stream)) markIn(user, kind, stream, change);
    },
    /** By seq, of what is kept and the user's. */
    marks: (user: string, stream: StreamName, kind: MarkKind): [seq: number, is: boolean][] =>
      kept(user, stream).map(({ seq }) => [seq, marked(user, stream, kind).has(seq)]),
    seen: (user: string, stream: StreamName): number => Math.max(0, ...marked(user, stream, "seen")),
    unread(user: string, now: number) {
      const [own, ...topics] = [...followed(user).keys()];
      const streams = [own!, ...topics.sort()].map((stream) => standing(user, stream, now));
      return {
        total: streams.reduce((sum, { count }) => sum + count, 0),
        unseen: streams.reduce((sum, { unseen }) => sum + unseen, 0),
        streams,
      };
    },
  };
}

export type UnreadModel = ReturnType<typeof makeUnreadModel>;
