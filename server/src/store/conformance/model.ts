/** The streams port and the part of the directory that closes streams, as plainly as they can be written. */
import type { Found, Head, Kind, Outcome, Row, StreamRecord } from "../streams.ts";

interface ModelRow {
  readonly record: StreamRecord;
  readonly seq: number;
  readonly storedAt: number;
  kind: Kind;
}

interface ModelStream {
  rows: ModelRow[];
  head: number;
  rev: number;
  closed: boolean;
  topic: boolean;
  readonly names: Map<string, { readonly row: ModelRow }>;
}

export function makeModel(windowMs: number) {
  const streams = new Map<string, ModelStream>();
  let now = 0;

  const streamOf = (name: string): ModelStream => {
    let stream = streams.get(name);
    if (!stream) {
      stream = { rows: [], head: 0, rev: 0, closed: false, topic: false, names: new Map() };
      streams.set(name, stream);
    }
    return stream;
  };

  const named = (stream: ModelStream, key: string): ModelRow | undefined => {
    const row = stream.names.get(key)?.row;
    return row && row.storedAt >= now - windowMs ? row : undefined;
  };

  const kept = (stream: ModelStream, row: ModelRow | undefined): ModelRow | undefined =>
    row && stream.rows.includes(row) ? row : undefined;

  const applyOne = (record: StreamRecord): Outcome => {
    const stream = streamOf(record.stream);
    if (stream.closed) return { status: "closed" };
    const known = named(stream, record.key);
    if (known) {
      return { status: known.record.digest === record.digest ? "duplicate" : "conflict", seq: known.seq };
    }
    for (const row of stream.rows) {
      if (record.collapseKey !== null && row.record.collapseKey === record.collapseKey) row.kind = 2;
    }
    stream.head += 1;
    const row: ModelRow = { record, seq: stream.head, storedAt: now, kind: record.kind };
    stream.rows.push(row);
    stream.names.set(record.key, { row });
    return { status: "stored", seq: stream.head };
  };

  const rowOf = ({ record, seq, kind }: ModelRow): Row => ({
    seq,
    kind,
    expiresAt: record.expiresAt,
    receipt: record.receipt,
    body: kind === 2 ? null : record.body,
  });

  const trim = (name: string, upTo: number): void => {
    const stream = streamOf(name);
    stream.rows = stream.rows.filter(({ seq }) => seq > upTo);
  };

  return {
    apply: (records: readonly StreamRecord[]): Outcome[] => records.map(applyOne),
    rows: (name: string): Row[] => streamOf(name).rows.map(rowOf),
    head(name: string): Head {
      const { head, rows, rev } = streamOf(name);
      const receiptSeq = rows.findLast(({ record }) => record.receipt)?.seq ?? 0;
      return { head, first: rows[0]?.seq ?? head + 1, rev, receiptSeq };
    },
    find(name: string, key: string): Omit<Found, "createdAt"> | null {
      const stream = streamOf(name);
      const row = kept(stream, named(stream, key));
      if (!row) return null;
      const { digest, expiresAt, receipt } = row.record;
      return { seq: row.seq, kind: row.kind, digest, expiresAt, receipt };
    },
    withdraw(name: string, key: string) {
      const stream = streamOf(name);
      const row = kept(stream, named(stream, key));
      if (!row) return null;
      if (row.kind !== 2) stream.rev += 1;
      row.kind = 2;
      return { seq: row.seq, rev: stream.rev };
    },
    trim,
    expire(): void {
      for (const { rows } of streams.values()) {
        for (const row of rows) if ((row.record.expiresAt ?? Number.POSITIVE_INFINITY) <= now) row.kind = 2;
      }
    },
    putTopic(name: string): boolean {
      const stream = streamOf(name);
      const created = !stream.topic;
      stream.topic = true;
      stream.closed = false;
      return created;
    },
    deleteTopic(name: string): boolean {
      const stream = streamOf(name);
      if (!stream.topic) return false;
      trim(name, stream.head);
      stream.topic = false;
      stream.closed = true;
      stream.rev += 1;
      return true;
    },
    advance: (ms: number): void => {
      now += ms;
    },
    setNow: (ms: number): void => {
      now = ms;
    },
    now: (): number => now,
  };
}

export type Model = ReturnType<typeof makeModel>;
