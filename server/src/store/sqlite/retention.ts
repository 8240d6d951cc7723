import type { RetentionDriver } from "../retention.ts";
import type { Channel } from "./channel.ts";
import type { ReaderCalls } from "./reader/worker.ts";
import type { WriterCalls } from "./writer/worker.ts";

export const makeRetention = (
  writer: Channel<WriterCalls>,
  reader: Channel<ReaderCalls>,
): RetentionDriver => ({
  retain: async (keepMs, limit) => (await writer.call("retain", keepMs, limit)).value,
  giveBack: async (mostBytes, which) => (await writer.call("giveBack", mostBytes, which)).value,
  space: async () => (await reader.call("space")).value,
});
