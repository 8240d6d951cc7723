import type { DirectoryDriver, Touched } from "../directory.ts";
import type { Channel } from "./channel.ts";
import type { ReaderCalls } from "./reader/worker.ts";
import type { WriterCalls } from "./writer/worker.ts";

/** What one commit of a deletion takes: a topic may have more followers than fit in a few milliseconds. */
const subscriptionsAtOnce = 1_000;

export const makeDirectory = (
  writer: Channel<WriterCalls>,
  reader: Channel<ReaderCalls>,
): DirectoryDriver => ({
  putTopic: async (topic, owner) => (await writer.call("putTopic", topic, owner)).value,
  getTopic: async (topic) => (await reader.call("getTopic", topic)).value,
  async deleteTopic(topic) {
    const changed: Touched["changed"][number][] = [];
    for (let found = false; ; found = true) {
      const { value } = await writer.call("deleteTopic", topic, subscriptionsAtOnce);
      if (!value) return found ? { changed } : null;
      for (const one of value.changed) changed.push(one);
      if (value.done) return { changed };
    }
  },
  listTopics: async (after, limit) => (await reader.call("listTopics", after, limit)).value,
  subscribe: async (topic, users, most) => (await writer.call("subscribe", topic, users, most)).value,
  unsubscribe: async (topic, user) => (await writer.call("unsubscribe", topic, user)).value,
  subscribers: async (topic, after, limit) => (await reader.call("subscribers", topic, after, limit)).value,
  subscriptions: async (user) => (await reader.call("subscriptions", user)).value,
});
