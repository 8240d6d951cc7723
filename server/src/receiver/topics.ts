/**
 * Topics and their subscribers, as those manage them who may: producers all, a user their own. Whatever touches a
 * user's subscriptions is told to the bus, so that the user's sessions follow at once.
 */
import { limits } from "@carillon/protocol/limits";
import { type Problem, problem } from "@carillon/protocol/problems";
import type { BusDriver } from "../bus/driver.ts";
import type { Topic, TopicChanges } from "../store/directory.ts";
import { type DirectoryDriver, defaultPolicy, type Names, type Policy } from "../store/directory.ts";
import type { GrantsDriver } from "../store/grants.ts";
import { type Asker, managedBy, maySee, noTopic, notMember, notTheirs, ownerName } from "./authority.ts";
import type { KnownTopics } from "./known-topics.ts";
import { tell } from "./telling.ts";

export interface Subscriber {
  readonly user: string;
  readonly since: number;
}

/** What a topic is to be, whole; `owner` for a producer to say. */
export interface WantedTopic extends Policy {
  readonly owner?: string;
}

/**
 * Every write is durable when resolved. A problem says why not, and nothing was changed then; to a user, what they may
 * not see doesn't exist. All reject as the directory port does.
 */
export interface Topics {
  /** Makes a topic, or replaces what it is; null: makes it as it is by default, or leaves it as it is. */
  put(
    by: Asker,
    topic: string,
    wanted: WantedTopic | null,
  ): Promise<{ readonly topic: Topic; readonly created: boolean } | Problem>;
  change(by: Asker, topic: string, changes: TopicChanges): Promise<Topic | Problem>;
  get(by: Asker, topic: string): Promise<Topic | Problem>;
  remove(by: Asker, topic: string): Promise<Problem | null>;
  /** All of them; for a user, their own. */
  list(by: Asker, after: string, limit: number): Promise<Names<Topic>>;
  /** Subscribes 1 to 1,000 users. `full` names those who follow as many topics as they may and were left out. */
  subscribe(
    by: Asker,
    topic: string,
    users: readonly string[],
  ): Promise<{ readonly full: readonly string[] } | Problem>;
  unsubscribe(by: Asker, topic: string, user: string): Promise<Problem | null>;
  subscribers(by: Asker, topic: string, after: string, limit: number): Promise<Names<Subscriber> | Problem>;
}

export interface TopicsDeps {
  readonly directory: DirectoryDriver;
  readonly grants: Pick<GrantsDriver, "standing">;
  readonly bus: Pick<BusDriver, "publish">;
  readonly known: KnownTopics;
  /** How many topics a user may have; 0: users make none. */
  readonly perUser: number;
}

/** How often somebody else may delete and make a topic while it is being put. */
const attemptsMost = 5;

export function openTopics({ directory, grants, bus, known, perUser }: TopicsDeps): Topics {
  /** Why `by` doesn't find a topic that is theirs to manage. */
  async function whyNot(by: Asker, topic: string): Promise<Problem> {
    if (by.kind === "producer") return noTopic(topic);
    return notTheirs(await grants.standing(topic, by.user), by.user, topic);
  }

  /** Null where `by` manages the topic. */
  async function refuse(by: Asker, topic: string): Promise<Problem | null> {
    const found = await directory.getTopic(topic);
    const only = managedBy(by);
    return found === null || (only !== null && found.owner !== only.owner) ? whyNot(by, topic) : null;
  }

  const foreign = (by: Asker, owner: string | undefined): boolean =>
    by.kind === "client" && owner !== undefined && owner !== ownerName(by);

  return {
    async put(by, topic, wanted) {
      if (foreign(by, wanted?.owner)) return ownTopicsAlone;
      const { owner = ownerName(by), ...policy } = wanted ?? (defaultPolicy as WantedTopic);
      const most = by.kind === "client" ? perUser : null;
      for (let attempt = 0; attempt < attemptsMost; attempt++) {
        const { created, full } = await directory.putTopic(topic, owner, policy, most);
        if (full) return perUser === 0 ? noneByUsers : tooMany(perUser);
        if (!created && wanted !== null) await directory.changeTopic(topic, wanted, managedBy(by));
        known.forget(topic);
        const found = await directory.getTopic(topic);
        if (found === null) continue;
        return foreign(by, found.owner) ? taken(topic) : { topic: found, created };
      }
      return noTopic(topic);
    },

    async change(by, topic, changes) {
      if (foreign(by, changes.owner)) return ownTopicsAlone;
      if (!(await directory.changeTopic(topic, changes, managedBy(by)))) return whyNot(by, topic);
      known.forget(topic);
      return (await directory.getTopic(topic)) ?? noTopic(topic);
    },

    async get(by, topic) {
      if (by.kind === "producer") return (await directory.getTopic(topic)) ?? noTopic(topic);
      const standing = await grants.standing(topic, by.user);
      return maySee(standing, by.user) ? standing.topic! : noTopic(topic);
    },

    async remove(by, topic) {
      const touched = await directory.deleteTopic(topic, managedBy(by));
      known.forget(topic);
      if (touched === null) return whyNot(by, topic);
      tell(bus, touched);
      return null;
    },

    list: (by, after, limit) =>
      directory.listTopics(after, limit, by.kind === "producer" ? null : ownerName(by)),

    async subscribe(by, topic, users) {
      const touched = await directory.subscribe(topic, users, limits.subscriptions, managedBy(by));
      if (touched === null) return whyNot(by, topic);
      tell(bus, touched);
      return { full: touched.full };
    },

    async unsubscribe(by, topic, user) {
      if (by.kind === "client") {
        const refused = await refuse(by, topic);
        if (refused !== null) return refused;
      }
      const touched = await directory.unsubscribe(topic, user);
      if (touched === null) return (await refuse(by, topic)) ?? notMember(user, topic);
      tell(bus, touched);
      return null;
    },

    async subscribers(by, topic, after, limit) {
      const refused = await refuse(by, topic);
      return refused ?? directory.subscribers(topic, after, limit);
    },
  };
}

const ownTopicsAlone = problem(
  "forbidden",
  "a user's topics are their own: only a producer says whose a topic is",
);
const noneByUsers = problem("forbidden", "users make no topics here");

const tooMany = (perUser: number): Problem =>
  problem("topics-too-many", `the user has ${perUser} topics already`);

const taken = (topic: string): Problem => problem("topic-taken", `there is a topic ${topic} already`);
