/**
 * The receiver: takes what producers and users send, decides (accept.ts), and answers when every record is durable.
 */
import type { Notification } from "@carillon/protocol/notification";
import { type Problem, problem } from "@carillon/protocol/problems";
import { isTopicStream, ownerOf, type StreamName } from "@carillon/protocol/stream";
import type { BusDriver, BusMessage } from "../bus/driver.ts";
import type { Clock } from "../clock.ts";
import { Failure } from "../errors.ts";
import { failureProblem } from "../failure-problem.ts";
import type { Appended, LogDriver, LogRecord } from "../log/driver.ts";
import type { GrantsDriver } from "../store/grants.ts";
import type { Counter, Metrics } from "../telemetry/metrics.ts";
import { uuidv7 } from "../uuid.ts";
import { accept, type Circumstances, type Decision } from "./accept.ts";
import { type Asker, noTopic } from "./authority.ts";
import type { KnownTopics, Terms } from "./known-topics.ts";

export interface Receipt {
  readonly to: StreamName;
  readonly status: "stored" | "accepted" | "duplicate" | "conflict" | "refused";
  readonly seq?: number;
  readonly durable?: false;
  readonly error?: Problem;
}

export interface Answer {
  readonly id: string;
  /** Absent where it is what was missing. */
  readonly source: string | undefined;
  /** One for each recipient, in the order of `to`; empty when the whole notification was refused. */
  readonly receipts: readonly Receipt[];
  /** What is wrong, of several the one with the highest status; null when every recipient has it. */
  readonly problem: Problem | null;
}

export interface Submission {
  readonly notification: Notification;
  /** Its id where it has none of its own; null for one that is made here. */
  readonly fallbackId: string | null;
}

export interface Receiver {
  /**
   * Resolves with one answer each, in their order, when every record that they call stored, accepted or
   * duplicate is durable. What the log didn't take is answered with the problem `unavailable` or another of
   * status 503, and sending it again with the same id is safe. Rejects as the directory port does, before
   * anything was written.
   */
  send(by: Asker, submissions: readonly Submission[]): Promise<readonly Answer[]>;
}

export interface ReceiverDeps {
  readonly log: Pick<LogDriver, "append">;
  readonly bus: Pick<BusDriver, "publish">;
  readonly topics: KnownTopics;
  readonly grants: Pick<GrantsDriver, "following">;
  readonly clock: Pick<Clock, "now">;
  readonly metrics: Pick<Metrics, "counter">;
  /** The largest event, in bytes of JSON. */
  readonly sizeBytes: number;
}

type Fate = Appended | { readonly state: "failed"; readonly problem: Problem };

/** As much as a director takes in one batch; a larger request waits for itself, not in the log's queue. */
const appendMost = { records: 2_000, units: 4 << 20 };
/** Users whose membership is asked for in one call of the store. */
const membersAtOnce = 1_000;
const noTopics: ReadonlyMap<string, Terms | null> = new Map();
const nobodyFollows = (): boolean => false;

export function openReceiver(deps: ReceiverDeps): Receiver {
  const { log, bus, topics, grants, clock, metrics, sizeBytes } = deps;
  const accepted = metrics.counter("carillon_accepted_total");
  const counters: Partial<Record<Receipt["status"], Counter>> = {
    stored: accepted,
    accepted,
    duplicate: metrics.counter("carillon_duplicates_total"),
    conflict: metrics.counter("carillon_conflicts_total"),
  };

  function topicsOf(submissions: readonly Submission[]): ReadonlySet<string> | null {
    let named: Set<string> | null = null;
    for (const { notification } of submissions) {
      if (notification.topic !== undefined) {
        named ??= new Set();
        named.add(notification.topic);
        continue;
      }
      for (const stream of notification.to) {
        if (!isTopicStream(stream)) continue;
        named ??= new Set();
        named.add(ownerOf(stream));
      }
    }
    return named;
  }

  /** Who of those that are told as members of a topic is one. */
  async function membersOf(submissions: readonly Submission[]): Promise<Circumstances["follows"]> {
    const asked = new Map<string, Set<string>>();
    for (const { notification } of submissions) {
      const { topic, to } = notification;
      if (topic === undefined) continue;
      const users = asked.get(topic) ?? new Set();
      asked.set(topic, users);
      for (const stream of to) users.add(ownerOf(stream));
    }
    if (asked.size === 0) return nobodyFollows;
    const members = new Map<string, Set<string>>();
    for (const [topic, users] of asked) {
      const all = [...users];
      const found = new Set<string>();
      for (let at = 0; at < all.length; at += membersAtOnce) {
        for (const user of await grants.following(topic, all.slice(at, at + membersAtOnce))) found.add(user);
      }
      members.set(topic, found);
    }
    return (topic, user) => members.get(topic)?.has(user) === true;
  }

  async function append(records: readonly LogRecord[]): Promise<readonly Fate[]> {
    const fates: Fate[] = [];
    while (fates.length < records.length) {
      const some = records.slice(fates.length, pieceEnd(records, fates.length));
      if (some.length === records.length) return appendSome(some);
      for (const fate of await appendSome(some)) fates.push(fate);
      const last = fates[fates.length - 1]!;
      if (last.state === "failed") return fates.concat(new Array(records.length - fates.length).fill(last));
    }
    return fates;
  }

  async function appendSome(records: readonly LogRecord[]): Promise<readonly Fate[]> {
    try {
      return await log.append(records);
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      return new Array(records.length).fill({ state: "failed", problem: failureProblem(error) });
    }
  }

  function toReceipt(to: StreamName, fate: Fate): Receipt {
    if (fate.state === "appended") return { to, status: "accepted" };
    if (fate.state === "failed") return { to, status: "refused", error: fate.problem };
    const { outcome } = fate;
    if (outcome.status === "closed") {
      topics.forget(ownerOf(to));
      return refusedReceipt(to, noTopic(ownerOf(to)));
    }
    if (outcome.status === "rejected") return { to, status: "refused", error: notKept(to) };
    return outcome.status === "conflict"
      ? { to, status: "conflict", seq: outcome.seq, error: conflict(to) }
      : { to, status: outcome.status, seq: outcome.seq };
  }

  function toAnswer(to: readonly StreamName[], decision: Decision, next: () => Fate): Answer {
    if (!decision.ok) {
      return { id: decision.id, source: decision.source, receipts: [], problem: decision.problem };
    }
    let worst: Problem | null = null;
    const receipts: Receipt[] = [];
    for (const stream of to) {
      let receipt: Receipt;
      const refused = decision.refused.size > 0 ? decision.refused.get(stream) : undefined;
      if (refused !== undefined) receipt = refusedReceipt(stream, refused);
      else if (decision.ephemeral) receipt = { to: stream, status: "accepted", durable: false };
      else receipt = toReceipt(stream, next());
      const { error } = receipt;
      if (error !== undefined && (worst === null || error.status > worst.status)) worst = error;
      counters[receipt.status]?.inc();
      receipts.push(receipt);
    }
    return { id: decision.id, source: decision.source, receipts, problem: worst };
  }

  return {
    async send(by, submissions) {
      const named = topicsOf(submissions);
      const terms = named === null ? noTopics : await topics.terms(named);
      const follows = named === null ? nobodyFollows : await membersOf(submissions);
      const now = clock.now();
      const circumstances: Circumstances = { by, now, topics: terms, follows, sizeBytes };
      const decisions = submissions.map(({ notification, fallbackId }) =>
        accept(notification, notification.id ?? fallbackId ?? uuidv7(now), circumstances),
      );
      const records: LogRecord[] = [];
      const passing: BusMessage[] = [];
      for (const decision of decisions) {
        if (!decision.ok) continue;
        for (const record of decision.records) {
          if (decision.ephemeral) passing.push(toMessage(record));
          else records.push(record);
        }
      }
      if (passing.length > 0) bus.publish(passing);
      const fates = records.length === 0 ? [] : await append(records);
      let at = 0;
      const next = (): Fate => fates[at++]!;
      return decisions.map((decision, item) => toAnswer(submissions[item]!.notification.to, decision, next));
    },
  };
}

/** Where the piece of an append ends that begins at `from`. */
function pieceEnd(records: readonly LogRecord[], from: number): number {
  let units = 0;
  let at = from;
  for (; at < records.length && at - from < appendMost.records; at++) {
    units += records[at]!.body.length;
    if (at > from && units > appendMost.units) break;
  }
  return at;
}

const toMessage = ({ stream, body }: LogRecord): BusMessage => ({ type: "ephemeral", stream, body });

const refusedReceipt = (to: StreamName, error: Problem): Receipt => ({ to, status: "refused", error });

const notKept = (to: StreamName): Problem =>
  problem("internal", `the store can't keep this notification for ${to}; it was set aside`);

const conflict = (to: StreamName): Problem =>
  problem("conflict", `${to} has a notification of this source and id, with other content; use another id`);
