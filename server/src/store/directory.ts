/**
 * The directory port: topics, their policy, and who follows them.
 *
 * Contract for drivers: every write is durable when its promise resolves; a read that begins afterwards sees it.
 * A write about a user raises the `rev` of that user's stream in the same commit. Concurrent calls are allowed;
 * each is atomic. Failures are those of the streams port.
 *
 * Who may do what is decided above. But what was decided may be out of date when it is done: the topic may be deleted,
 * and made again by somebody else. So a write takes what has to be true of the topic still (`Only`), and finds no
 * topic where it isn't.
 */
import type { StreamName } from "@carillon/protocol/stream";

/** What a topic lets happen. */
export interface Policy {
  /** `open`: users may follow it by themselves; `closed`: its owner and producers add them. */
  readonly subscribe: "open" | "closed";
  /** Who may publish, beside producers and the owner: those with a grant, or everybody who follows it too. */
  readonly publish: "granted" | "subscribers";
  /** An inactive topic takes nothing new; whoever follows it still does. */
  readonly active: boolean;
  /** How long what is published stays, from acceptance; null: no bound. A whole number. */
  readonly keepMs: number | null;
}

export const defaultPolicy: Policy = { subscribe: "closed", publish: "granted", active: true, keepMs: null };

export interface Topic extends Policy {
  readonly topic: string;
  /** `key:<name>` for a producer, `user:<id>` for a user. */
  readonly owner: string;
  readonly createdAt: number;
  readonly subscribers: number;
}

/** What is to be another; the rest stays. */
export type TopicChanges = Partial<Policy & Pick<Topic, "owner">>;

/** What has to be true of a topic: that it has this owner, or, where that will do, that it is open. */
export interface Only {
  readonly owner: string;
  readonly orOpen: boolean;
}

export interface Subscription {
  readonly topic: string;
  /** The topic's head when it was subscribed to: what is newer is the subscriber's. */
  readonly since: number;
}

/** A page of names in ascending order; `next` is the last name when there are more, else null. */
export interface Names<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** The revs that a write raised, so that whoever wrote can tell the bus. */
export interface Touched {
  readonly changed: readonly { readonly stream: StreamName; readonly rev: number }[];
}

export interface DirectoryDriver {
  /**
   * Makes a topic, or changes nothing where it exists (owner and policy stay). Re-creation goes on with the old seqs.
   * `most`: `full`, and nothing was made, where the owner has so many topics already; null: no bound. Exact, whoever
   * makes topics at the same time.
   */
  putTopic(
    topic: string,
    owner: string,
    policy?: Policy,
    most?: number | null,
  ): Promise<{ readonly created: boolean; readonly full?: true }>;
  /** False when there is no such topic. */
  changeTopic(topic: string, changes: TopicChanges, only?: Only | null): Promise<boolean>;
  getTopic(topic: string): Promise<Topic | null>;
  /**
   * Closes the topic's stream, drops its subscriptions, its grants and its rows; the head stays. Null when there is
   * none. Of more than 1,000 subscriptions some may go in commits before; a deletion that failed is repeated.
   */
  deleteTopic(topic: string, only?: Only | null): Promise<Touched | null>;
  /** `limit` from 1 to 1,000, names behind `after` ("" from the start); of this owner alone, or of all (null). */
  listTopics(after: string, limit: number, owner?: string | null): Promise<Names<Topic>>;

  /**
   * Subscribes at most 1,000 users, `since` the topic's head; those who follow it already keep their `since`.
   * Null when the topic doesn't exist. Users who follow `most` topics already are left out and named in `full`.
   */
  subscribe(
    topic: string,
    users: readonly string[],
    most: number,
    only?: Only | null,
  ): Promise<(Touched & { readonly full: readonly string[] }) | null>;
  /** Null when there was no such subscription. */
  unsubscribe(topic: string, user: string): Promise<Touched | null>;
  /** `limit` from 1 to 1,000, users behind `after` ("" from the start). */
  subscribers(
    topic: string,
    after: string,
    limit: number,
  ): Promise<Names<{ readonly user: string; readonly since: number }>>;
  /** All of a user's subscriptions, by topic name. */
  subscriptions(user: string): Promise<readonly Subscription[]>;
}
