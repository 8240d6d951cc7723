import type { PositionsDriver } from "../positions.ts";
import type { Channel } from "./channel.ts";
import type { ReaderCalls } from "./reader/worker.ts";
import { unpackUnread } from "./unread.ts";
import type { WriterCalls } from "./writer/worker.ts";

export const makePositions = (
  writer: Channel<WriterCalls>,
  reader: Channel<ReaderCalls>,
): PositionsDriver => ({
  saveDevices: async (positions) => void (await writer.call("saveDevices", positions)),
  findDevice: async (user, device) => (await reader.call("findDevice", user, device)).value,
  acknowledge: async (acknowledgements) => void (await writer.call("acknowledge", acknowledgements)),
  receipts: async (stream, seq, limit) => (await reader.call("receipts", stream, seq, limit)).value,
  mark: async (user, kind, change) => (await writer.call("mark", user, kind, change)).value,
  unread: async (user) => unpackUnread((await reader.call("unread", user)).value),
});
