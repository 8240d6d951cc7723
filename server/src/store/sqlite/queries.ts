import type { Queries } from "../queries.ts";
import type { Channel } from "./channel.ts";
import { unpackInbox } from "./inbox.ts";
import type { ReaderCalls } from "./reader/worker.ts";

export const makeQueries = (reader: Channel<ReaderCalls>): Queries => ({
  inbox: async (wanted) => unpackInbox((await reader.call("inbox", wanted)).value),
});
