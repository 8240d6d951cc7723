import { type DirectoryDriver, defaultPolicy, type Touched } from "../directory.ts";
import type { Channel } from "./channel.ts";
import type { ReaderCalls } from "./reader/worker.ts";
import type { WriterCalls } from "./writer/worker.ts";

/** What one commit of a deletion takes: a topic may have more followers than fit in a few milliseconds. */
const subscriptionsAtOnce = 1_000;

export const makeDirectory = (
  writer: Channel<WriterCalls>,
  reader: Channel<ReaderCalls>,
): DirectoryDriver => ({
  putTopic: async (topic, owner, policy = defaultPolicy, most = null) =>
    (await writer.call("putTopic", topic, owner, policy, most)).value,
  changeTopic: async (topic, changes, only = null) =>
    (await writer.call("changeTopic", topic, changes, only)).value,
  getTopic: async (topic) => (await reader.call("getTopic", topic)).value,
  async deleteTopic(topic, only = null) {
    const changed: Touched["changed"][number][] = [];
    for (let found = false; ; found = true) {
      const { value } = await writer.call("deleteTopic", topic, subscriptionsAtOnce, found ? null : only);
      if (!value) return found ? { changed } : null;
      for (const one of value.changed) changed.push(one);
      if (value.done) return { changed };
    }
  },
  listTopics: async (after, limit, owner = null) =>
    (await reader.call("listTopics", after, limit, owner)).value,
  subscribe: async (topic, users, most, only = null) =>
    (await writer.call("subscribe", topic, users, most, only)).value,
  unsubscribe: async (topic, user) => (await writer.call("unsubscribe", topic, user)).value,
  subscribers: async (topic, after, limit) => (await reader.call("subscribers", topic, after, limit)).value,
  subscriptions: async (user) => (await reader.call("subscriptions", user)).value,
});
