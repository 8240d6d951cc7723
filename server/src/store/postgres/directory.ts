import type { DirectoryDriver } from "../directory.ts";
import { makeDeletion } from "./deletion.ts";
import { unavailable } from "./failure.ts";
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

  const putTopic = async (topic: string, owner: string): Promise<{ readonly created: boolean }> => {
    for (let attempt = 0; attempt < attemptsMost; attempt++) {
      const state = await topics.state(topic);
      if (state === "open") return { created: false };
      if (state === "closing") await deleteTopic(topic);
      if (await topics.put(topic, owner)) return { created: true };
    }
    throw unavailable(`the topic ${topic} is being deleted`);
  };

  return {
    putTopic: (topic, owner) => steady(() => putTopic(topic, owner)),
    getTopic: (topic) => steady(() => topics.get(topic)),
    deleteTopic: (topic) => steady(() => deleteTopic(topic)),
    listTopics: (after, limit) => steady(() => topics.list(after, limit)),
    subscribe: (topic, users, most) => steady(() => subscribe(topic, users, most)),
    unsubscribe: (topic, user) => steady(() => unsubscribe(topic, user)),
    subscribers: (topic, after, limit) => steady(() => subscribers(topic, after, limit)),
    subscriptions: (user) => steady(() => subscriptions(user)),
  };
}
