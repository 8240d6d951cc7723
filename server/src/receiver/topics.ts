/**
 * Topics and their subscribers, as producers manage them. Whatever touches a user's subscriptions is told to the
 * bus, so that the user's sessions follow at once.
 */
import type { BusDriver } from "../bus/driver.ts";
import type { DirectoryDriver, Names, Topic, Touched } from "../store/directory.ts";
import type { KnownTopics } from "./known-topics.ts";

export interface Subscriber {
  readonly user: string;
  readonly since: number;
}

/** Every write is durable when resolved. All reject as the directory port does. */
export interface Topics {
  /** Makes a topic, or leaves it as it is. `topic` is null when somebody has deleted it at the same time. */
  create(topic: string, owner: string): Promise<{ readonly topic: Topic | null; readonly created: boolean }>;
  get(topic: string): Promise<Topic | null>;
  /** False when there was none. */
  remove(topic: string): Promise<boolean>;
  list(after: string, limit: number): Promise<Names<Topic>>;
  /**
   * Subscribes 1 to 1,000 users. `full` names those who follow as many topics as they may and were left out;
   * null when there is no such topic.
   */
  subscribe(topic: string, users: readonly string[]): Promise<{ readonly full: readonly string[] } | null>;
  /** What was missing, or null when it is done. */
  unsubscribe(topic: string, user: string): Promise<"topic" | "subscriber" | null>;
  /** Null when there is no such topic. */
  subscribers(topic: string, after: string, limit: number): Promise<Names<Subscriber> | null>;
}

/** How many topics a user may follow; a session attaches to all of them. */
export const mostSubscriptions = 256;

export function openTopics(
  directory: DirectoryDriver,
  bus: Pick<BusDriver, "publish">,
  known: KnownTopics,
): Topics {
  function tell({ changed }: Touched): void {
    if (changed.length > 0) bus.publish(changed.map(({ stream, rev }) => ({ type: "changed", stream, rev })));
  }

  return {
    async create(name, owner) {
      const { created } = await directory.putTopic(name, owner);
      known.add(name);
      return { topic: await directory.getTopic(name), created };
    },
    get: (topic) => directory.getTopic(topic),
    async remove(topic) {
      const touched = await directory.deleteTopic(topic);
      known.forget(topic);
      if (touched !== null) tell(touched);
      return touched !== null;
    },
    list: (after, limit) => directory.listTopics(after, limit),
    async subscribe(topic, users) {
      const touched = await directory.subscribe(topic, users, mostSubscriptions);
      if (touched === null) return null;
      tell(touched);
      return { full: touched.full };
    },
    async unsubscribe(topic, user) {
      const touched = await directory.unsubscribe(topic, user);
      if (touched === null) return (await directory.getTopic(topic)) === null ? "topic" : "subscriber";
      tell(touched);
      return null;
    },
    async subscribers(topic, after, limit) {
      const page = await directory.subscribers(topic, after, limit);
      const unknown = page.items.length === 0 && (await directory.getTopic(topic)) === null;
      return unknown ? null : page;
    },
  };
}
