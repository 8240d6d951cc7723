/** Who may publish to a topic, as those say who manage it: producers all topics, a user their own. */
import { limits } from "@carillon/protocol/limits";
import { type Problem, problem } from "@carillon/protocol/problems";
import type { DirectoryDriver, Names } from "../store/directory.ts";
import type { Grant, GrantsDriver } from "../store/grants.ts";
import { type Asker, managedBy, noTopic, notTheirs } from "./authority.ts";

/** Every write is durable when resolved. A problem says why not. All reject as the store does. */
export interface Grants {
  list(by: Asker, topic: string, after: string, limit: number): Promise<Names<Grant> | Problem>;
  get(by: Asker, topic: string, user: string): Promise<Grant | Problem>;
  /** The same again changes nothing. */
  put(by: Asker, topic: string, user: string): Promise<Problem | null>;
  remove(by: Asker, topic: string, user: string): Promise<Problem | null>;
}

export function openGrants(grants: GrantsDriver, directory: Pick<DirectoryDriver, "getTopic">): Grants {
  /** Null where `by` manages the topic. */
  async function refuse(by: Asker, topic: string): Promise<Problem | null> {
    const found = await directory.getTopic(topic);
    const only = managedBy(by);
    if (found !== null && (only === null || found.owner === only.owner)) return null;
    return by.kind === "producer"
      ? noTopic(topic)
      : notTheirs(await grants.standing(topic, by.user), by.user, topic);
  }

  return {
    async list(by, topic, after, limit) {
      return (await refuse(by, topic)) ?? grants.listGrants(topic, after, limit);
    },

    async get(by, topic, user) {
      return (await refuse(by, topic)) ?? (await grants.findGrant(topic, user)) ?? noGrant(user, topic);
    },

    async put(by, topic, user) {
      const given = await grants.grant(topic, user, limits.grants, managedBy(by));
      if (given === null) return (await refuse(by, topic)) ?? noTopic(topic);
      return given === "full" ? tooMany : null;
    },

    async remove(by, topic, user) {
      if (await grants.revoke(topic, user, managedBy(by))) return null;
      return (await refuse(by, topic)) ?? noGrant(user, topic);
    },
  };
}

const noGrant = (user: string, topic: string): Problem =>
  problem("grant-not-found", `${user} has no grant to publish to ${topic}`);

const tooMany = problem("grants-too-many", `the topic has ${limits.grants} grants already`);
