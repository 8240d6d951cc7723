/** What producers have sent and what they were promised: the truth that clients are held against. */
import type { StreamName } from "@carillon/protocol/stream";

export interface Sent {
  readonly id: string;
  readonly to: readonly StreamName[];
  readonly data: string;
}

/** `repeated`: shown again after the cursor that the client came back with. */
export type Violation = "repeated" | "out of order" | "other";

export interface Ledger {
  readonly violations: readonly string[];
  readonly counts: Readonly<Record<Violation, number>>;
  /** Resolves with the first violation. */
  readonly broken: Promise<unknown>;
  violated(what: string, kind?: Violation): void;
  /** Noted before the first byte goes out. */
  sending(notification: Sent): void;
  /** A receipt of a 202; without a seq where the server says it later. */
  promised(id: string, to: StreamName, seq: number | null): void;
  /** When it was first promised, by `performance.now()`; null when it wasn't. */
  promisedAt(id: string): number | null;
  /** Something arrived at a client. */
  arrived(who: string, stream: StreamName, seq: number, id: string, data: unknown): void;
  /** What must be in a stream. */
  owedIn(stream: StreamName): ReadonlySet<string>;
  /** Of it, what has a known place. */
  promisedIn(stream: StreamName): ReadonlyMap<number, string>;
  count(): number;
  /** One that was promised, for those who ask again. */
  some(at: number): Sent | null;
}

export function makeLedger(): Ledger {
  const violations: string[] = [];
  const counts = { repeated: 0, "out of order": 0, other: 0 };
  const sent = new Map<string, Sent>();
  const promisedAt = new Map<string, number>();
  const owed = new Map<StreamName, Set<string>>();
  const seqsOf = new Map<StreamName, Map<string, number>>();
  const streams = new Map<StreamName, Map<number, string>>();
  const ids: string[] = [];
  const { promise: broken, resolve } = Promise.withResolvers<unknown>();
  const violationsKept = 100;
  const fail = (what: string, kind: Violation = "other"): void => {
    counts[kind]++;
    if (violations.length < violationsKept) violations.push(what);
    resolve(what);
  };

  function place(id: string, to: StreamName, seq: number): void {
    const seqs = seqsOf.get(to) ?? new Map<string, number>();
    seqsOf.set(to, seqs);
    const before = seqs.get(id);
    if (before !== undefined && before !== seq) fail(`${id} in ${to} was promised ${before}, now ${seq}`);
    seqs.set(id, seq);
    const stream = streams.get(to) ?? new Map<number, string>();
    streams.set(to, stream);
    const there = stream.get(seq);
    if (there !== undefined && there !== id) fail(`${to} ${seq} was promised to ${there} and to ${id}`);
    stream.set(seq, id);
  }

  return {
    violations,
    counts,
    broken,
    violated: fail,
    sending(notification) {
      sent.set(notification.id, notification);
    },
    promised(id, to, seq) {
      if (!promisedAt.has(id)) {
        promisedAt.set(id, performance.now());
        ids.push(id);
      }
      const there = owed.get(to) ?? new Set<string>();
      owed.set(to, there.add(id));
      if (seq !== null) place(id, to, seq);
    },
    promisedAt: (id) => promisedAt.get(id) ?? null,
    arrived(who, stream, seq, id, data) {
      const original = sent.get(id);
      if (original === undefined) fail(`${who} got ${id} in ${stream} ${seq}, which nobody sent`);
      else if (!original.to.includes(stream)) fail(`${who} got ${id} in ${stream}, where it was not sent`);
      else if (original.data !== data) fail(`${who} got ${id} with other content`);
      const promised = streams.get(stream)?.get(seq);
      if (promised !== undefined && promised !== id)
        fail(`${who} got ${id} at ${stream} ${seq}, not ${promised}`);
    },
    owedIn: (stream) => owed.get(stream) ?? new Set(),
    promisedIn: (stream) => streams.get(stream) ?? new Map(),
    count: () => ids.length,
    some(at) {
      const id = ids[at];
      return id === undefined ? null : sent.get(id)!;
    },
  };
}
