/** What users have marked, haven't read, and see in their inboxes, seq by seq and row by row. */
import type { MarkChange, MarkKind } from "@carillon/protocol/marks";
import { isTopicStream, ownerOf, type StreamName, userStream } from "@carillon/protocol/stream";
import type { InboxFilter, InboxItem } from "../queries.ts";
import type { StreamRecord } from "../streams.ts";

interface ModelRow {
  readonly seq: number;
  readonly record: StreamRecord;
  /** When it was stored. */
  readonly at: number;
  gone: boolean;
}

type Shown = InboxItem & Pick<ModelRow, "at">;

interface Event {
  readonly type?: string;
  readonly source?: string;
  readonly topic?: string;
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

  const isOf = ({ own, topics }: InboxFilter, stream: StreamName, event: Event): boolean =>
    isTopicStream(stream)
      ? !own && (topics.length === 0 || topics.includes(ownerOf(stream)))
      : topics.length === 0 || topics.includes(event.topic ?? "");

  function shown(user: string, stream: StreamName, filter: InboxFilter, now: number): Shown[] {
    const { unread, archived, silent, type, source, since } = filter;
    return kept(user, stream).flatMap(({ seq, at, gone, record: { kind, expiresAt, body } }) => {
      const event: Event = JSON.parse(body);
      const is = {
        read: marked(user, stream, "read").has(seq),
        archived: marked(user, stream, "archive").has(seq),
      };
      const shows =
        !gone &&
        (expiresAt === null || expiresAt > now) &&
        (kind === 0 || (silent && !unread)) &&
        (!unread || !(is.read || is.archived)) &&
        (archived === "with" || is.archived === (archived === "only")) &&
        (type === null || event.type === type) &&
        (source === null || event.source === source) &&
        (since === null || at >= since) &&
        isOf(filter, stream, event);
      return shows ? [{ stream, seq, body, ...is, at }] : [];
    });
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
    publish(records: readonly StreamRecord[], at: number): void {
      for (const record of records) {
        const { stream, collapseKey } = record;
        if (collapseKey !== null) bury(stream, (row) => row.record.collapseKey === collapseKey);
        of(stream).push({ seq: of(stream).length + 1, record, at, gone: false });
      }
    },
    /** Of what was stored since a time. */
    keyAt(stream: StreamName, at: number, since: number): string | undefined {
      const row = of(stream)[at];
      return row === undefined || row.at < since ? undefined : row.record.key;
    },
    withdraw: (stream: StreamName, key: string): void => bury(stream, (row) => row.record.key === key),
    trim,
    trimmed: (stream: StreamName): number => trimmed.get(stream) ?? 0,
    /** The newest that was stored before a time. */
    oldUpTo: (stream: StreamName, before: number): number =>
      of(stream).findLast(({ at }) => at < before)?.seq ?? 0,
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
    /** All pages as one. */
    inbox(user: string, filter: InboxFilter, now: number): InboxItem[] {
      const [own, ...topics] = [...followed(user).keys()];
      return [own!, ...topics.sort()]
        .flatMap((stream) => shown(user, stream, filter, now).reverse())
        .sort((one, other) => other.at - one.at)
        .map(({ at: _, ...item }) => item);
    },
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
