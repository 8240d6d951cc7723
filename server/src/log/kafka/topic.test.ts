import { expect, test } from "vitest";
import { judgeTopic, type TopicState } from "./topic.ts";

const good: TopicState = {
  name: "log",
  partitions: 128,
  replication: 3,
  brokers: 3,
  settings: new Map([
    ["min.insync.replicas", "2"],
    ["cleanup.policy", "delete"],
    ["retention.ms", "604800000"],
    ["max.message.bytes", "1048588"],
    ["unclean.leader.election.enable", "false"],
  ]),
};

const settings = (changes: Record<string, string>): TopicState => ({
  ...good,
  settings: new Map([...good.settings!, ...Object.entries(changes)]),
});

test("a topic as it should be is used as it is", () => {
  expect(judgeTopic(good, 128, false)).toEqual({ refusal: null, warnings: [], batchBytes: 1_048_588 });
});

test("the largest batch is what the topic takes, and 4 MB at most", () => {
  expect(judgeTopic(settings({ "max.message.bytes": "500000" }), 128, false).batchBytes).toBe(500_000);
  expect(judgeTopic(settings({ "max.message.bytes": "90000000" }), 128, false).batchBytes).toBe(4 << 20);
});

test.each<[string, TopicState, RegExp]>([
  ["another number of partitions", { ...good, partitions: 12 }, /12 partitions.*128/],
  ["compaction", settings({ "cleanup.policy": "compact,delete" }), /cleanup\.policy=delete/],
  [
    "batches too small for a notification",
    settings({ "max.message.bytes": "65536" }),
    /max\.message\.bytes=/,
  ],
])("%s is refused, whatever is accepted", (_, state, text) => {
  expect(judgeTopic(state, 128, false).refusal).toMatch(text);
  expect(judgeTopic(state, 128, true).refusal).toMatch(text);
});

test.each<[string, TopicState, RegExp]>([
  ["one replica in sync is enough", settings({ "min.insync.replicas": "1" }), /min\.insync\.replicas=2/],
  ["one replica in a cluster", { ...good, replication: 1 }, /replication factor/],
  ["a leader that lacks records", settings({ "unclean.leader.election.enable": "true" }), /unclean/],
])("invariant 1: %s is refused unless the unsafe is accepted", (_, state, text) => {
  expect(judgeTopic(state, 128, false).refusal).toMatch(text);
  const accepted = judgeTopic(state, 128, true);
  expect(accepted.refusal).toBeNull();
  expect(accepted.warnings.join()).toMatch(text);
});

test.each<[string, TopicState, RegExp]>([
  ["one broker", { ...settings({ "min.insync.replicas": "1" }), brokers: 1, replication: 1 }, /one broker/],
  ["a short retention", settings({ "retention.ms": "3600000" }), /retention\.ms=3600000/],
  ["a bound in bytes", settings({ "retention.bytes": "1000" }), /retention\.bytes/],
  ["settings that can't be read", { ...good, settings: null }, /DescribeConfigs/],
])("%s is warned of", (_, state, text) => {
  const verdict = judgeTopic(state, 128, false);
  expect(verdict.refusal).toBeNull();
  expect(verdict.warnings.join()).toMatch(text);
});

test("every reason to refuse is told at once", () => {
  const { refusal } = judgeTopic({ ...settings({ "cleanup.policy": "compact" }), partitions: 1 }, 128, false);
  expect(refusal).toMatch(/partitions.*compacted/s);
});
