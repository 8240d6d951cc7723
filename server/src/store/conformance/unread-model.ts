/** What a user hasn't read, counted row by row. */
import { isTopicStream, type StreamName, userStream } from "@carillon/protocol/stream";
import type { UnreadStream } from "../positions.ts";
import type { StreamRecord } from "../streams.ts";

interface ModelRow {
  readonly seq: number;
  readonly record: StreamRecord;
  gone: boolean;
}

export function makeUnreadModel() {
  const rows = new Map<StreamName, ModelRow[]>();
  const trimmed = new Map<StreamName, number>();
  const follows = new Map<string, Map<StreamName, number>>();
  const marks = new Map<string, number>();

  const of = (stream: StreamName): ModelRow[] => {
    const known = rows.get(stream) ?? [];
    rows.set(stream, known);
    return known;
  };
  const followed = (user: string): Map<StreamName, number> => {
    const known = follows.get(user) ?? new Map<StreamName, number>();
    follows.set(user, known);
    return known;
  };
  const trim = (stream: StreamName, upTo: number): void => {
    trimmed.set(stream, Math.max(trimmed.get(stream) ?? 0, Math.min(upTo, of(stream).length)));
  };
  const bury = (stream: StreamName, which: (row: ModelRow) => boolean): void => {
    for (const row of of(stream)) row.gone ||= row.seq > (trimmed.get(stream) ?? 0) && which(row);
  };

  function countOf(user: string, stream: StreamName, since: number, now: number): UnreadStream {
    const readSeq = marks.get(`${user} ${stream}`) ?? 0;
    const counted = of(stream).filter(
      ({ seq, gone, record: { kind, expiresAt } }) =>
        seq > readSeq &&
        seq > since &&
        seq > (trimmed.get(stream) ?? 0) &&
        !gone &&
        kind === 0 &&
        (expiresAt === null || expiresAt > now),
    );
    return { stream, count: counted.length, head: of(stream).length, readSeq };
  }

  return {
    publish(records: readonly StreamRecord[]): void {
      for (const record of records) {
        const { stream, collapseKey } = record;
        if (collapseKey !== null) bury(stream, (row) => row.record.collapseKey === collapseKey);
        of(stream).push({ seq: of(stream).length + 1, record, gone: false });
      }
    },
    keyAt: (stream: StreamName, at: number): string | undefined => of(stream)[at]?.record.key,
    withdraw: (stream: StreamName, key: string): void => bury(stream, (row) => row.record.key === key),
    trim,
    subscribe(user: string, stream: StreamName): void {
      if (!followed(user).has(stream)) followed(user).set(stream, of(stream).length);
    },
    unsubscribe: (user: string, stream: StreamName): void => void followed(user).delete(stream),
    /** Deleted and made again: nothing is kept and nobody follows. */
    remake(stream: StreamName): void {
      trim(stream, of(stream).length);
      for (const topics of follows.values()) topics.delete(stream);
    },
    /** Null: not followed. */
    read(user: string, stream: StreamName, upTo: number): number | null {
      if (isTopicStream(stream) ? !followed(user).has(stream) : stream !== userStream(user)) return null;
      const key = `${user} ${stream}`;
      const mark = Math.max(marks.get(key) ?? 0, Math.min(upTo, of(stream).length));
      marks.set(key, mark);
      return mark;
    },
    unread(user: string, now: number) {
      const topics = [...followed(user)].sort(([one], [other]) => (one < other ? -1 : 1));
      const streams = [
        countOf(user, userStream(user), 0, now),
        ...topics.map(([stream, since]) => countOf(user, stream, since, now)),
      ];
      return { total: streams.reduce((sum, { count }) => sum + count, 0), streams };
    },
  };
}

export type UnreadModel = ReturnType<typeof makeUnreadModel>;
