/** What producers have sent and what they were promised: the truth that clients are held against. */
import type { StreamName } from "@carillon/protocol/stream";

export interface Sent {
  readonly id: string;
  readonly to: readonly StreamName[];
  readonly data: string;
}

export interface Ledger {
  readonly violations: readonly string[];
  /** Resolves with the first violation. */
  readonly broken: Promise<unknown>;
  violated(what: string): void;
  /** Noted before the first byte goes out. */
  sending(notification: Sent): void;
  /** A receipt of a 202. */
  promised(id: string, to: StreamName, seq: number): void;
  /** Something arrived at a client. */
  arrived(who: string, stream: StreamName, seq: number, id: string, data: unknown): void;
  promisedIn(stream: StreamName): ReadonlyMap<number, string>;
  count(): number;
  /** One that was promised, for those who ask again. */
  some(at: number): { readonly sent: Sent; readonly seqs: ReadonlyMap<StreamName, number> } | null;
}

export function makeLedger(): Ledger {
  const violations: string[] = [];
  const sent = new Map<string, Sent>();
  const seqsOf = new Map<string, Map<StreamName, number>>();
  const streams = new Map<StreamName, Map<number, string>>();
  const ids: string[] = [];
  const { promise: broken, resolve } = Promise.withResolvers<unknown>();
  const fail = (what: string): void => {
    violations.push(what);
    resolve(what);
  };

  return {
    violations,
    broken,
    violated: fail,
    sending(notification) {
      sent.set(notification.id, notification);
    },
    promised(id, to, seq) {
      const seqs = seqsOf.get(id) ?? new Map<StreamName, number>();
      if (!seqsOf.has(id)) ids.push(id);
      seqsOf.set(id, seqs);
      const before = seqs.get(to);
      if (before !== undefined && before !== seq) fail(`${id} in ${to} was promised ${before}, now ${seq}`);
      seqs.set(to, seq);
      const stream = streams.get(to) ?? new Map<number, string>();
      streams.set(to, stream);
      const there = stream.get(seq);
      if (there !== undefined && there !== id) fail(`${to} ${seq} was promised to ${there} and to ${id}`);
      stream.set(seq, id);
    },
    arrived(who, stream, seq, id, data) {
      const original = sent.get(id);
      if (original === undefined) fail(`${who} got ${id} in ${stream} ${seq}, which nobody sent`);
      else if (!original.to.includes(stream)) fail(`${who} got ${id} in ${stream}, where it was not sent`);
      else if (original.data !== data) fail(`${who} got ${id} with other content`);
      const promised = streams.get(stream)?.get(seq);
      if (promised !== undefined && promised !== id)
        fail(`${who} got ${id} at ${stream} ${seq}, not ${promised}`);
    },
    promisedIn: (stream) => streams.get(stream) ?? new Map(),
    count: () => ids.length,
    some(at) {
      const id = ids[at];
      return id === undefined ? null : { sent: sent.get(id)!, seqs: seqsOf.get(id)! };
    },
  };
}
