import { type DirectoryDriver, defaultPolicy, type Policy } from "../directory.ts";
import { makeDeletion } from "./deletion.ts";
import { unavailable } from "./failure.ts";
import { makeOwned } from "./owned.ts";
import type { Shards } from "./shards.ts";
import { makeSubscribing } from "./subscribing.ts";
import { makeSubscriptions } from "./subscriptions.ts";
import { makeTopics } from "./topics.ts";

/** How often somebody else may delete and make the same topic meanwhile. */
const attemptsMost = 5;

export function makeDirectory(shards: Shards): DirectoryDriver {
  const { steady } = shards;
  const topics = makeTopics(shards);
  const deleteTopic = makeDeletion(shards);
  const { subscribe, unsubscribe } = makeSubscribing(shards);
  const { subscribers, subscriptions } = makeSubscriptions(shards);

  const boundedBy = makeOwned(shards);

  const putTopic = async (
    topic: string,
    owner: string,
    policy: Policy,
    most: number | null,
  ): ReturnType<DirectoryDriver["putTopic"]> => {
    for (let attempt = 0; attempt < attemptsMost; attempt++) {
      const state = await topics.state(topic);
      if (state === "open") return { created: false };
      if (state === "closing") await deleteTopic(topic, null);
      const put = () => topics.put(topic, owner, policy);
      const made = most === null ? await put() : await boundedBy(owner, most, put);
      if (made === "full") return { created: false, full: true };
      if (made) return { created: true };
    }
    throw unavailable(`the topic ${topic} is being deleted`);
  };

  return {
    putTopic: (topic, owner, policy = defaultPolicy, most = null) =>
      steady(() => putTopic(topic, owner, policy, most)),
    changeTopic: (topic, changes, only = null) => steady(() => topics.change(topic, changes, only)),
    getTopic: (topic) => steady(() => topics.get(topic)),
    deleteTopic: (topic, only = null) => steady(() => deleteTopic(topic, only)),
    listTopics: (after, limit, owner = null) => steady(() => topics.list(after, limit, owner)),
    subscribe: (topic, users, most, only = null) => steady(() => subscribe(topic, users, most, only)),
    unsubscribe: (topic, user) => steady(() => unsubscribe(topic, user)),
    subscribers: (topic, after, limit) => steady(() => subscribers(topic, after, limit)),
    subscriptions: (user) => steady(() => subscriptions(user)),
  };
}
