import type { GrantsDriver } from "../grants.ts";
import type { Channel } from "./channel.ts";
import type { ReaderCalls } from "./reader/worker.ts";
import type { WriterCalls } from "./writer/worker.ts";

export const makeGrants = (writer: Channel<WriterCalls>, reader: Channel<ReaderCalls>): GrantsDriver => ({
  grant: async (topic, user, most, only = null) =>
    (await writer.call("grant", topic, user, most, only)).value,
  revoke: async (topic, user, only = null) => (await writer.call("withdrawGrant", topic, user, only)).value,
  findGrant: async (topic, user) => (await reader.call("findGrant", topic, user)).value,
  listGrants: async (topic, after, limit) => (await reader.call("listGrants", topic, after, limit)).value,
  async standing(topic, user) {
    const [found, grant, following] = await Promise.all([
      reader.call("getTopic", topic),
      reader.call("findGrant", topic, user),
      reader.call("following", topic, [user]),
    ]);
    return { topic: found.value, granted: grant.value !== null, follows: following.value.length > 0 };
  },
  following: async (topic, users) => (await reader.call("following", topic, users)).value,
});
