import type { DirectoryDriver } from "../directory.ts";
import type { Channel } from "./channel.ts";
import type { ReaderCalls } from "./reader/worker.ts";
import type { WriterCalls } from "./writer/worker.ts";

export const makeDirectory = (
  writer: Channel<WriterCalls>,
  reader: Channel<ReaderCalls>,
): DirectoryDriver => ({
  putTopic: async (topic, owner) => (await writer.call("putTopic", topic, owner)).value,
  getTopic: async (topic) => (await reader.call("getTopic", topic)).value,
  deleteTopic: async (topic) => (await writer.call("deleteTopic", topic)).value,
  listTopics: async (after, limit) => (await reader.call("listTopics", after, limit)).value,
  subscribe: async (topic, users, most) => (await writer.call("subscribe", topic, users, most)).value,
  unsubscribe: async (topic, user) => (await writer.call("unsubscribe", topic, user)).value,
  subscribers: async (topic, after, limit) => (await reader.call("subscribers", topic, after, limit)).value,
  subscriptions: async (user) => (await reader.call("subscriptions", user)).value,
});
