/**
 * Who may do what with a topic, as decisions. Producers with the scope may do everything. Users are closed out by
 * default, and what a user may not see looks like what doesn't exist.
 */
import { type Problem, problem } from "@carillon/protocol/problems";
import type { Client, Producer } from "../access/principal.ts";
import type { Only } from "../store/directory.ts";
import type { Standing } from "../store/grants.ts";

/** Whoever asks: of a client it is the user that counts. */
export type Asker = Producer | Pick<Client, "kind" | "user">;

const userOwner = (user: string): string => `user:${user}`;

/** What its topics say who owns them. */
export const ownerName = (by: Asker): string =>
  by.kind === "producer" ? `key:${by.key.name}` : userOwner(by.user);

/** What has to be true of a topic for `by` to manage it. */
export const managedBy = (by: Asker): Only | null =>
  by.kind === "producer" ? null : { owner: ownerName(by), orOpen: false };

/** What has to be true of a topic for a user to follow it by themselves. */
export const followedBy = (user: string): Only => ({ owner: userOwner(user), orOpen: true });

const owns = ({ topic }: Standing, user: string): boolean => topic?.owner === userOwner(user);

export const maySee = (standing: Standing, user: string): boolean => {
  const { topic, granted, follows } = standing;
  if (topic === null) return false;
  return topic.subscribe === "open" || granted || follows || owns(standing, user);
};

/** Null, or why not. */
export function whyNotPublish(standing: Standing, user: string, topic: string): Problem | null {
  if (!maySee(standing, user)) return noTopic(topic);
  const { granted, follows } = standing;
  const may = owns(standing, user) || granted || (follows && standing.topic!.publish === "subscribers");
  return may ? null : problem("forbidden", `the user may not publish to ${topic}`);
}

export const noTopic = (topic: string): Problem => problem("topic-not-found", `there is no topic ${topic}`);

export const isInactive = (topic: string): Problem =>
  problem("topic-inactive", `the topic ${topic} is inactive, and takes nothing now`);

export const notMember = (user: string, topic: string): Problem =>
  problem("subscriber-not-found", `${user} doesn't follow ${topic}`);

/** Why a user who isn't the topic's owner can't do what only the owner may. */
export const notTheirs = (standing: Standing, user: string, topic: string): Problem =>
  maySee(standing, user) ? problem("forbidden", `the topic ${topic} is not the user's own`) : noTopic(topic);
