import type { AccessDriver } from "../access.ts";
import type { Channel } from "./channel.ts";
import type { ReaderCalls } from "./reader/worker.ts";
import type { WriterCalls } from "./writer/worker.ts";

export const makeAccess = (writer: Channel<WriterCalls>, reader: Channel<ReaderCalls>): AccessDriver => ({
  addKey: async (key) => (await writer.call("addKey", key)).value,
  findKey: async (hash) => (await reader.call("findKey", hash)).value,
  listKeys: async () => (await reader.call("listKeys")).value,
  removeKey: async (name) => (await writer.call("removeKey", name)).value,
  revoke: async (revocation, bounds) => (await writer.call("revoke", revocation, bounds)).value,
  unrevoke: async (place) => (await writer.call("unrevoke", place)).value,
  revocations: async (after, limit) => (await reader.call("revocations", after, limit)).value,
  revocationsOf: async (user) => (await reader.call("revocationsOf", user)).value,
  useTicket: async (id, until) => (await writer.call("useTicket", id, until)).value,
});
