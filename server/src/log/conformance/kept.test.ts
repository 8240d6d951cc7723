import { partOf } from "@carillon/protocol/partition";
import type { LogDriver } from "../driver.ts";
import { type Kept, keepNothing, makeKeptLog } from "./kept.ts";
import { examineLog } from "./log.ts";

const kept = new WeakMap<LogDriver, Kept>();

examineLog("kept in memory", {
  capabilities: {
    keepsOffsets: true,
    mostParts: 4,
    batch: { records: 2_000, bytes: 4 << 20 },
    queueRecords: null,
  },
  async open(parts) {
    const records = keepNothing(parts);
    const log = makeKeptLog(parts, records);
    kept.set(log, records);
    await log.start();
    return log;
  },
  async reopen(log) {
    const again = makeKeptLog(log.parts, kept.get(log)!);
    await again.start();
    return again;
  },
  streamIn: (part, parts) => {
    for (let at = 0; ; at++) if (partOf(`user:${at}`, parts) === part) return `user:${at}`;
  },
});
