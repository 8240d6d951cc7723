import type { StreamsDriver } from "../streams.ts";
import { packBatch, unpackOutcomes } from "./batch.ts";
import type { Channel } from "./channel.ts";
import { unpackHeads, unpackPage } from "./pages.ts";
import type { ReaderCalls } from "./reader/worker.ts";
import type { WriterCalls } from "./writer/worker.ts";

/** Identities are known to the writer alone, so `find` asks it too. */
export const makeStreams = (writer: Channel<WriterCalls>, reader: Channel<ReaderCalls>): StreamsDriver => ({
  async apply(batch) {
    const { value, at } = await writer.call("apply", packBatch(batch));
    return unpackOutcomes(value, at);
  },
  read: async (stream, after, limit) => unpackPage((await reader.call("read", stream, after, limit)).value),
  heads: async (streams) => unpackHeads((await reader.call("heads", streams)).value),
  find: async (stream, key) => (await writer.call("find", stream, key)).value,
  withdraw: async (stream, key) => (await writer.call("withdraw", stream, key)).value,
  trim: async (stream, upTo) => void (await writer.call("trim", stream, upTo)),
  upkeep: async (limit) => (await writer.call("upkeep", limit)).value,
  progress: async (part) => (await reader.call("progress", part)).value,
});
