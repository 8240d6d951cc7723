import type { PeopleDriver } from "../people.ts";
import type { Channel } from "./channel.ts";
import type { ReaderCalls } from "./reader/worker.ts";
import type { WriterCalls } from "./writer/worker.ts";

export const makePeople = (writer: Channel<WriterCalls>, reader: Channel<ReaderCalls>): PeopleDriver => ({
  state: async (user) => (await reader.call("state", user)).value,
  beginErasing: async (user, topicsTo) => (await writer.call("beginErasing", user, topicsTo)).value,
  continueErasing: async (limit) => (await writer.call("continueErasing", limit)).value,
  putState: async (user, state, version) => (await writer.call("putState", user, state, version)).value,
});
