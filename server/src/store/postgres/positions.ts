import type { PositionsDriver } from "../positions.ts";
import { makeDevices } from "./devices.ts";
import { makeMarks } from "./marks.ts";
import { makeReceipts } from "./receipts.ts";
import type { Shards } from "./shards.ts";
import { makeUnread } from "./unread.ts";

export function makePositions(shards: Shards): PositionsDriver {
  const { steady } = shards;
  const { saveDevices, findDevice } = makeDevices(shards);
  const { acknowledge, receipts } = makeReceipts(shards);
  const mark = makeMarks(shards);
  const unread = makeUnread(shards);

  return {
    saveDevices: (positions) => steady(() => saveDevices(positions)),
    findDevice: (user, device) => steady(() => findDevice(user, device)),
    acknowledge: (acknowledgements) => steady(() => acknowledge(acknowledgements)),
    receipts: (stream, seq, limit) => steady(() => receipts(stream, seq, limit)),
    mark: (user, kind, change) => steady(() => mark(user, kind, change)),
    unread: (user) => steady(() => unread(user)),
  };
}
