import { partOf } from "@carillon/protocol/partition";
import { makeKeptLog } from "./kept.ts";
import { examineLog } from "./log.ts";

examineLog("kept in memory", {
  capabilities: {
    keepsOffsets: true,
    mostParts: 4,
    batch: { records: 2_000, bytes: 4 << 20 },
    queueRecords: null,
  },
  async open(parts) {
    const log = makeKeptLog(parts);
    await log.start();
    return log;
  },
  streamIn: (part, parts) => {
    for (let at = 0; ; at++) if (partOf(`user:${at}`, parts) === part) return `user:${at}`;
  },
});
