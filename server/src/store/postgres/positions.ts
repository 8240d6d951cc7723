import type { PositionsDriver } from "../positions.ts";
import { makeDevices } from "./devices.ts";
import { makeReadMarks } from "./read-marks.ts";
import { makeReceipts } from "./receipts.ts";
import type { Shards } from "./shards.ts";
import { makeUnread } from "./unread.ts";

export function makePositions(shards: Shards): PositionsDriver {
  const { steady } = shards;
  const { saveDevices, findDevice } = makeDevices(shards);
  const { acknowledge, receipts } = makeReceipts(shards);
  const read = makeReadMarks(shards);
  const unread = makeUnread(shards);

  return {
    saveDevices: (positions) => steady(() => saveDevices(positions)),
    findDevice: (user, device) => steady(() => findDevice(user, device)),
    acknowledge: (acknowledgements) => steady(() => acknowledge(acknowledgements)),
    receipts: (stream, seq, limit) => steady(() => receipts(stream, seq, limit)),
    read: (user, stream, upTo) => steady(() => read(user, stream, upTo)),
    unread: (user) => steady(() => unread(user)),
  };
}
