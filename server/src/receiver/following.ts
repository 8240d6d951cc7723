/** What a user follows, as they say themselves: the one way in for frames and requests. */
import { limits } from "@carillon/protocol/limits";
import { type Problem, problem } from "@carillon/protocol/problems";
import type { BusDriver } from "../bus/driver.ts";
import type { DirectoryDriver, Subscription } from "../store/directory.ts";
import type { GrantsDriver } from "../store/grants.ts";
import { followedBy, maySee, noTopic, notMember } from "./authority.ts";
import { tell } from "./telling.ts";

/** Every write is durable when resolved, and told to all of the user's sessions. All reject as the store does. */
export interface Following {
  /** By topic. */
  list(user: string): Promise<readonly Subscription[]>;
  get(user: string, topic: string): Promise<Subscription | Problem>;
  /** Who follows it already keeps their place, whoever added them. */
  follow(user: string, topic: string): Promise<Problem | null>;
  /** Any topic may be left, a closed one too. */
  leave(user: string, topic: string): Promise<Problem | null>;
}

export function openFollowing(
  directory: Pick<DirectoryDriver, "subscribe" | "unsubscribe" | "subscriptions">,
  grants: Pick<GrantsDriver, "standing">,
  bus: Pick<BusDriver, "publish">,
): Following {
  return {
    list: (user) => directory.subscriptions(user),

    async get(user, topic) {
      const all = await directory.subscriptions(user);
      return all.find((one) => one.topic === topic) ?? notMember(user, topic);
    },

    async follow(user, topic) {
      const touched = await directory.subscribe(topic, [user], limits.subscriptions, followedBy(user));
      if (touched === null) {
        const standing = await grants.standing(topic, user);
        if (standing.follows) return null;
        return maySee(standing, user) ? isClosed(topic) : noTopic(topic);
      }
      tell(bus, touched);
      return touched.full.length > 0 ? tooMany : null;
    },

    async leave(user, topic) {
      const touched = await directory.unsubscribe(topic, user);
      if (touched === null) return notMember(user, topic);
      tell(bus, touched);
      return null;
    },
  };
}

const isClosed = (topic: string): Problem =>
  problem("forbidden", `the topic ${topic} is closed: its owner adds who follows it`);

const tooMany = problem("subscriptions-too-many", `the user follows ${limits.subscriptions} topics already`);
