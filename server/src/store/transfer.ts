/**
 * Moving a whole store to another backend. Beside the ports: roles never see it, only a promotion does.
 *
 * Contract for drivers.
 *
 * - **Neutral.** A copy names streams, users and topics, never a backend's own numbers. Times are whole milliseconds.
 * - **Bounded.** A page holds at most `most` copies and about 4 MB of bodies, at least one where there is one; no call
 *   needs memory that grows with the store.
 * - **A stable order.** The pages of a source are the same each time: a place says where one ended, and means the same
 *   to the next process. Nobody else writes to a source meanwhile, or it is read in one snapshot; where that snapshot
 *   ends with the process, `keepsPlaces` is false.
 * - **Repeatable.** A `put` that was done before, whole or in part, changes nothing. It is durable when resolved. Puts
 *   of one kind may run concurrently; `streams` come before all that name them, topics before subscriptions and grants.
 * - **Failures** are those of the streams port; after `unavailable` a call may be repeated.
 */
import type { Mark, MarkKind } from "@carillon/protocol/marks";
import type { StreamName } from "@carillon/protocol/stream";
import type { ApiKey, Revocation } from "./access.ts";
import type { Topic } from "./directory.ts";
import type { Kind } from "./streams.ts";

/** Streams with head 0 and rev 0 that aren't closed say nothing: they are neither counted nor given. */
export interface StreamCopy {
  readonly name: StreamName;
  readonly head: number;
  /** Rows up to here are gone for every reader; some may be kept for their identity. */
  readonly trimmed: number;
  /** As in `Head`. */
  readonly receiptSeq: number;
  readonly rev: number;
  readonly closed: boolean;
  /** Where upkeep is with trimmed rows that are still kept; null when nothing is left to do. */
  readonly trim: { readonly dueAt: number; readonly buried: number } | null;
}

export interface NotificationCopy {
  readonly stream: StreamName;
  readonly seq: number;
  readonly kind: Kind;
  readonly receipt: boolean;
  readonly createdAt: number;
  readonly expiresAt: number | null;
  readonly collapseKey: string | null;
  readonly key: string;
  readonly digest: string;
  readonly body: string | null;
}

/** What each kind of copy is. Log places, leases and rejected records belong to a deployment and stay with it. */
export interface Copies {
  readonly keys: ApiKey;
  /** Those that have run out too; used tickets live for a minute, and don't go along. */
  readonly revocations: Revocation;
  readonly streams: StreamCopy;
  readonly topics: Omit<Topic, "subscribers">;
  readonly grants: { readonly topic: string; readonly user: string; readonly createdAt: number };
  readonly subscriptions: { readonly topic: string; readonly user: string; readonly since: number };
  readonly marks: Mark & {
    readonly user: string;
    readonly stream: StreamName;
    readonly kind: MarkKind;
  };
  /** `seen` orders the devices of a user. */
  readonly devices: {
    readonly user: string;
    readonly device: string;
    readonly cursor: string;
    readonly seen: number;
  };
  readonly states: { readonly user: string; readonly version: number; readonly state: string };
  /** `user` is null where all is done. */
  readonly erasures: {
    readonly hash: string;
    readonly user: string | null;
    readonly topicsTo: string | null;
    readonly at: number;
    readonly head: number;
    readonly rev: number;
    readonly until: number;
  };
  /** In the order in which they came. */
  readonly receipts: {
    readonly stream: StreamName;
    readonly seq: number;
    readonly user: string;
    readonly at: number;
  };
  readonly notifications: NotificationCopy;
}

export type CopyKind = keyof Copies;

/** In the order in which they are put. */
export const copyKinds = [
  "keys",
  "revocations",
  "streams",
  "topics",
  "grants",
  "subscriptions",
  "marks",
  "devices",
  "states",
  "erasures",
  "receipts",
  "notifications",
] as const satisfies readonly CopyKind[];

export type Counts = { readonly [K in CopyKind]: number };

export interface CopyPage<K extends CopyKind> {
  readonly copies: readonly Copies[K][];
  /** Where to go on; null at the end. At most 512 characters. */
  readonly next: string | null;
}

/** Rows of a stream with `after` < seq <= `upTo`; null: to the end. */
export interface Range {
  readonly stream: StreamName;
  readonly after: number;
  readonly upTo: number | null;
}

/** How many rows a range has, and the sum of what `row-sum.ts` makes of each. */
export interface RangeSum {
  readonly rows: number;
  readonly sum: string;
}

/** A store that is looked at from outside the ports. */
export interface TransferSource {
  /** For people: where it is, without passwords. */
  readonly name: string;
  readonly keepsPlaces: boolean;
  epoch(): Promise<number>;
  counts(): Promise<Counts>;
  page<K extends CopyKind>(kind: K, after: string | null, most: number): Promise<CopyPage<K>>;
  /** One for each name, at most 1,000; null where there is no such stream. */
  streams(names: readonly StreamName[]): Promise<readonly (StreamCopy | null)[]>;
  /** One for each of at most 1,000 ranges; computed where the rows are, and cheap for some thousand rows. */
  sums(ranges: readonly Range[]): Promise<readonly RangeSum[]>;
  /** A fact of the coordination port; null when there is none. */
  fact(name: string): Promise<string | null>;
  /** As in the coordination port. */
  amend(name: string, value: string): Promise<void>;
  close(): Promise<void>;
}

export interface TransferTarget extends TransferSource {
  /** As in the coordination port. */
  agree(name: string, value: string): Promise<string>;
  /** Before the first `put`: the epoch that clients know. */
  begin(epoch: number): Promise<void>;
  put<K extends CopyKind>(kind: K, copies: readonly Copies[K][]): Promise<void>;
  /** After the last `put`: what is derived from the copies. May take long; repeatable. */
  finish(): Promise<void>;
}
