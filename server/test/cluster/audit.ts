/** What is left to say when a bad day is over: what was lost, repeated, out of order, and how late the rest came. */
import { appendFileSync } from "node:fs";
import type { ComingBack } from "../bad-days/client.ts";
import { type Crowd, userOf } from "../bad-days/crowd.ts";
import type { Inbox } from "../bad-days/inbox.ts";
import type { Ledger } from "../bad-days/ledger.ts";
import { requestOf } from "../bad-days/producer.ts";

export interface Figures {
  /** Promised by a 202. */
  readonly notifications: number;
  /** Shown to clients, each once. */
  readonly deliveries: number;
  /** Promised, and not with a client that should have it. */
  readonly lost: number;
  /** Shown again after the cursor that the client came back with. */
  readonly repeated: number;
  readonly outOfOrder: number;
  /** From the producer's 202 to the client, by one clock; reconnecting included. */
  readonly delayMs: { readonly p50: number; readonly p99: number; readonly longest: number };
  readonly refusals: Refusals;
  readonly sessions: number;
  /** Processes that ended unasked. */
  readonly ownEnds: number;
}

export interface Refusals {
  /** Answered 503, with Retry-After. */
  readonly told: number;
  /** The longest that such an answer took. */
  readonly longestMs: number;
  /** Connections lost before an answer. */
  readonly lost: number;
  /** Given up by the producer's patience. */
  readonly unanswered: number;
}

/** Counts, and notes in the ledger what is wrong. */
export function auditClient(crowd: Crowd, { inbox }: ComingBack, ledger: Ledger): { readonly lost: number } {
  let lost = 0;
  for (const stream of crowd.streamsOf(userOf(inbox))) {
    const ids = inbox.received.get(stream) ?? [];
    const there = new Set(ids);
    const missing = [...ledger.owedIn(stream)].filter((id) => !there.has(id));
    lost += missing.length;
    if (missing.length > 0)
      ledger.violated(`${inbox.who} lost ${missing.length} of ${stream}, ${missing.slice(0, 3)}`);
    if (there.size < ids.length)
      ledger.violated(`${inbox.who} has ${stream} with ${ids.length - there.size} ids twice`, "repeated");
    for (const [seq, id] of ledger.promisedIn(stream)) {
      if (there.size > 0 && ids[seq - 1] !== id)
        ledger.violated(`${inbox.who} has ${ids[seq - 1]} at ${stream} ${seq}, not ${id}`, "out of order");
    }
    auditOrder(inbox, stream, ids, ledger);
  }
  return { lost };
}

function auditOrder(inbox: Inbox, stream: string, ids: readonly string[], ledger: Ledger): void {
  const newest = new Map<string, number>();
  for (const id of ids) {
    const { producer, request } = requestOf(id);
    const before = newest.get(producer) ?? -1;
    if (request < before)
      ledger.violated(`${inbox.who} has ${id} of ${stream} after request ${before}`, "out of order");
    newest.set(producer, Math.max(before, request));
  }
}

export function delaysOf(clients: readonly ComingBack[], ledger: Ledger): Figures["delayMs"] {
  const delays: number[] = [];
  for (const { inbox } of clients) {
    for (const [stream, ids] of inbox.received) {
      const arrivedAt = inbox.arrivedAt(stream);
      for (let at = 0; at < ids.length; at++) {
        const promisedAt = ledger.promisedAt(ids[at]!);
        if (promisedAt !== null) delays.push(Math.max(0, arrivedAt[at]! - promisedAt));
      }
    }
  }
  const sorted = Float64Array.from(delays).sort();
  const at = (share: number): number => Math.round(sorted[Math.floor((sorted.length - 1) * share)] ?? 0);
  return { p50: at(0.5), p99: at(0.99), longest: at(1) };
}

export interface Report extends Figures {
  readonly fault: string;
  readonly combination: string;
  readonly form: string;
  readonly seed: number;
  readonly rounds: number;
}

/** A line of JSON, where `FIGURES` names a file for them. */
export function report(figures: Report): void {
  const line = JSON.stringify(figures);
  const file = process.env["FIGURES"];
  if (file === undefined) console.log(line);
  else appendFileSync(file, `${line}\n`);
}
