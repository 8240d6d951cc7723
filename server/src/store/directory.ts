/**
 * The directory port: topics and who follows them.
 *
 * Contract for drivers: every write is durable when its promise resolves; a read that begins afterwards sees it.
 * A write about a user raises the `rev` of that user's stream in the same commit. Concurrent calls are allowed;
 * each is atomic. Failures are those of the streams port.
 */
import type { StreamName } from "@carillon/protocol/stream";

export interface Topic {
  readonly topic: string;
  /** Who made it: `key:<name>` for a producer, `user:<id>` for a user. */
  readonly owner: string;
  readonly createdAt: number;
  readonly subscribers: number;
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
  /** Makes a topic, or changes nothing where it exists (the owner stays). Re-creation goes on with the old seqs. */
  putTopic(topic: string, owner: string): Promise<{ readonly created: boolean }>;
  getTopic(topic: string): Promise<Topic | null>;
  /**
   * Closes the topic's stream, drops its subscriptions and its rows; the head stays. Null when there is none. Of
   * more than 1,000 subscriptions some may go in commits before; a deletion that failed is repeated.
   */
  deleteTopic(topic: string): Promise<Touched | null>;
  /** `limit` from 1 to 1,000, names behind `after` ("" from the start). */
  listTopics(after: string, limit: number): Promise<Names<Topic>>;

  /**
   * Subscribes at most 1,000 users, `since` the topic's head; those who follow it already keep their `since`.
   * Null when the topic doesn't exist. Users who follow `most` topics already are left out and named in `full`.
   */
  subscribe(
    topic: string,
    users: readonly string[],
    most: number,
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
