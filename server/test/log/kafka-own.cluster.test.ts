/** What only the Kafka log has: topics that it refuses, records of others, its bounds, its ends. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { partOf } from "@carillon/protocol/partition";
import type { StreamName } from "@carillon/protocol/stream";
import { Admin, Producer } from "@platformatic/kafka";
import { expect, onTestFinished, test } from "vitest";
import { freePort } from "../../../services/free-ports.ts";
import { services } from "../../../test/services.ts";
import { systemClock } from "../../src/clock.ts";
import { makeDirector } from "../../src/director/director.ts";
import { keys, makeManualConsumer, record, records } from "../../src/log/conformance/suite.ts";
import type { LogDriver } from "../../src/log/driver.ts";
import { type KafkaLogOptions, openKafkaLog } from "../../src/log/kafka/open.ts";
import { encodeRecord } from "../../src/log/kafka/record.ts";
import { openSqlite } from "../../src/store/sqlite/open.ts";
import { ownTopics } from "./kafka-topics.ts";

const brokers = services().kafka;
const topics = ownTopics(brokers);

async function open(topic: string, parts: number, more: Partial<KafkaLogOptions> = {}) {
  const log = await topics.open(topic, parts, more);
  onTestFinished(() => log.stop());
  return log;
}

function administer(): Admin {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [...brokers] });
  onTestFinished(() => admin.close());
  return admin;
}

function write(more: { readonly transactionalId?: string } = {}): Producer {
  const producer = new Producer({
    clientId: "test",
    bootstrapBrokers: [...brokers],
    retries: 5,
    ...(more.transactionalId && { ...more, idempotent: true }),
  });
  onTestFinished(() => producer.close());
  return producer;
}

const streamIn = (part: number, parts: number): StreamName => {
  for (let at = 0; ; at++) if (partOf(`user:${at}`, parts) === part) return `user:${at}`;
};

test("records that can't be used are set aside with their reason and place, and block nothing", async () => {
  const topic = topics.name();
  const log = await open(topic, 2);
  const stream = streamIn(0, 2);
  const elsewhere = encodeRecord(record(streamIn(1, 2)));
  const good = record(stream);
  const encoded = encodeRecord(good);
  await write().send({
    messages: [
      { topic, partition: 0, key: Buffer.from(stream), value: Buffer.from("not ours") },
      { topic, partition: 0, key: elsewhere.key, value: elsewhere.value },
      { topic, partition: 0, key: encoded.key, value: encoded.value },
      { topic, partition: 0, key: Buffer.from(stream), value: Buffer.from([0xff, 0xfe]) },
    ],
    compression: "gzip",
  });
  const own = records(stream, 1);
  await log.append(own);
  const manual = makeManualConsumer();
  await log.consume(0, null, manual.consumer);
  const rejected: { reason: string; offset: string }[] = [];
  const seen: string[] = [];
  let to = "";
  while (seen.length < 2) {
    const { batch, settle } = await manual.next();
    seen.push(...keys(batch.records));
    rejected.push(...batch.rejected);
    to = batch.progress!.to;
    settle();
  }
  expect(seen).toEqual([good.key, own[0]!.key]);
  expect(rejected).toMatchObject([
    { offset: "0", reason: expect.stringContaining("first line") },
    { offset: "1", reason: "its stream belongs to part 1" },
    { offset: "3", reason: expect.any(String) },
  ]);
  expect(to).toBe("5");
});

test("a transaction's records are set aside, and its markers are passed over", async () => {
  const topic = topics.name();
  const log = await open(topic, 1);
  const { key, value } = encodeRecord(record("user:a"));
  const producer = write({ transactionalId: topic });
  for (const end of ["abort", "commit"] as const) {
    const transaction = await producer.beginTransaction();
    await transaction.send({ messages: [{ topic, partition: 0, key, value }] });
    await transaction[end]();
  }
  const manual = makeManualConsumer();
  const consumption = await log.consume(0, null, manual.consumer);
  const rejected: string[] = [];
  while (rejected.length < 2) {
    const { batch, settle } = await manual.next();
    rejected.push(...batch.rejected.map(({ offset }) => offset));
    settle();
  }
  await consumption.stop();
  expect(rejected).toEqual(["0", "2"]);
  // Only a marker is left from here: fetching passes over it and brings what comes behind.
  const from3 = makeManualConsumer();
  await log.consume(0, "3", from3.consumer);
  const own = records("user:a", 1);
  await log.append(own);
  const { batch, settle } = await from3.next();
  expect(keys(batch.records)).toEqual(keys(own));
  expect(batch.progress).toEqual({ from: "3", to: "5" });
  settle();
});

test("more than may wait is refused as overloaded, and taken again once there is room", async () => {
  const log = await open(topics.name(), 1, { queueRecords: 10 });
  const first = log.append(records("user:a", 6));
  const second = log.append(records("user:a", 4));
  await expect(log.append(records("user:a", 1))).rejects.toMatchObject({
    code: "overloaded",
    retryAfterMs: expect.any(Number),
  });
  await Promise.all([first, second]);
  await log.append(records("user:a", 1));
});

test("records that retention deleted are not passed over: the consumption ends, and the place tells", async () => {
  const topic = topics.name();
  const log = await open(topic, 1);
  await log.append(records("user:a", 5));
  const partitions = [{ partition: 0, offset: 3n }];
  await administer().deleteRecords({ topics: [{ name: topic, partitions }] });
  const manual = makeManualConsumer();
  const consumption = await log.consume(0, "1", manual.consumer);
  expect(await consumption.failed).toMatchObject({ code: "diverged" });
  await consumption.stop();
  expect(await log.place(0)).toMatchObject({ first: "3", end: "5" });
  const kept = makeManualConsumer();
  await log.consume(0, null, kept.consumer);
  const { batch, settle } = await kept.next();
  expect(batch.progress).toEqual({ from: "3", to: "5" });
  settle();
});

test("a topic that is deleted and made anew under the log ends what consumes it", async () => {
  const topic = topics.name();
  const log = await open(topic, 1);
  const before = log.topicId();
  const manual = makeManualConsumer();
  const consumption = await log.consume(0, null, manual.consumer);
  await log.append(records("user:a", 1));
  (await manual.next()).settle();
  await administer().deleteTopics({ topics: [topic] });
  const anew = await open(topic, 1);
  expect(anew.topicId()).not.toBe(before);
  expect(await consumption.failed).toMatchObject({ code: "diverged" });
});

test.each<[string, number, Partial<KafkaLogOptions>, RegExp]>([
  ["isn't there", 2, { createTopic: false }, /no topic .* make it with 2 partitions/],
  ["has another number of partitions", 3, {}, /has 2 partitions, and the store was made with 3 parts/],
])("a topic that %s is refused at the start", async (name, parts, more, text) => {
  const topic = topics.name();
  if (name !== "isn't there") await open(topic, 2);
  const log = openKafkaLog(topics.options(topic, parts, more));
  onTestFinished(() => log.stop());
  await expect(log.start()).rejects.toMatchObject({ code: "unusable", message: expect.stringMatching(text) });
});

test("a start waits for a Kafka that isn't there, says so, and ends when it is stopped", async () => {
  const told = Promise.withResolvers<string>();
  const nobody = `127.0.0.1:${await freePort()}`;
  const waiting = told.resolve;
  const log = openKafkaLog(topics.options("log", 1, { brokers: [nobody], events: { waiting } }));
  const starting = expect(log.start()).rejects.toMatchObject({ code: "stopped" });
  expect(await told.promise).toContain(nobody);
  await log.stop();
  await starting;
});

test("invariant 12: a director that takes over from another goes on where the store stands", async () => {
  const directory = mkdtempSync(join(tmpdir(), "carillon-kafka-"));
  const store = await openSqlite({ directory, identityWindowMs: 86_400_000 });
  onTestFinished(async () => {
    await store.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  const topic = topics.name();
  const sent = records("user:a", 30);
  const direct = async (log: LogDriver, upTo: number): Promise<void> => {
    const done = Promise.withResolvers<void>();
    let seen = 0;
    const director = makeDirector({
      log,
      streams: store.streams,
      clock: systemClock,
      bus: {
        publish(messages) {
          for (const message of messages) if (message.type === "rows") seen += message.rows.length;
          if (seen >= upTo) done.resolve();
        },
      },
    });
    await director.start();
    await done.promise;
    await director.stop();
  };
  const first = await topics.open(topic, 2);
  await first.append(sent.slice(0, 20));
  await direct(first, 20);
  await first.append(sent.slice(10));
  await first.stop();
  const second = await open(topic, 2);
  await direct(second, 10);
  const { head, rows } = await store.streams.read("user:a", 0, 256);
  expect(head).toBe(30);
  expect(rows.map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (_, at) => at + 1));
  const part = partOf("user:a", 2);
  const place = (await second.place(part))!;
  expect(place.witnessed).toBe(place.end);
  expect(await store.streams.progress(part)).toBe(place.end);
});
