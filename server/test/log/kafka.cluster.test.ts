import { partOf } from "@carillon/protocol/partition";
import type { StreamName } from "@carillon/protocol/stream";
import { services } from "../../../test/services.ts";
import { examineLog } from "../../src/log/conformance/log.ts";
import type { LogDriver } from "../../src/log/driver.ts";
import { ownTopics } from "./kafka-topics.ts";

const topics = ownTopics(services().kafka);
const topicOf = new WeakMap<LogDriver, string>();

const streamIn = (part: number, parts: number): StreamName => {
  for (let at = 0; ; at++) if (partOf(`user:${at}`, parts) === part) return `user:${at}`;
};

examineLog("Kafka", {
  capabilities: {
    keepsOffsets: true,
    mostParts: 4,
    batch: { records: 2_000, bytes: 4 << 20 },
    // It has one, which no consumer's waiting fills: see the log's own tests.
    queueRecords: null,
  },
  async open(parts) {
    const topic = topics.name();
    const log = await topics.open(topic, parts);
    topicOf.set(log, topic);
    return log;
  },
  async reopen(log) {
    const topic = topicOf.get(log)!;
    return topics.open(topic, log.parts);
  },
  streamIn,
});
