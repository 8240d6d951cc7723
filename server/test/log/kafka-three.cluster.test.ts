/** The log while one of three brokers dies and comes back, under load: leaders move. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { type Kafka, startKafka } from "../../../services/kafka.ts";
import { systemClock } from "../../src/clock.ts";
import { keys } from "../../src/log/conformance/suite.ts";
import type { LogRecord } from "../../src/log/driver.ts";
import { openKafkaLog } from "../../src/log/kafka/open.ts";
import { audit, readAll, startLoad } from "./load.ts";

/** A busy machine takes its time to bring three brokers up. */
const slowMs = 400_000;
const parts = 6;
const faultless = { lost: 0, repeated: 0, disordered: 0 };

async function raise(): Promise<Kafka> {
  const directory = mkdtempSync(join(tmpdir(), "carillon-kafka-"));
  const kafka = await startKafka({ directory, brokers: 3 });
  onTestFinished(async () => {
    await kafka.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  return kafka;
}

async function open(kafka: Kafka) {
  const log = openKafkaLog({
    brokers: kafka.bootstrap,
    topic: "log",
    parts,
    clock: systemClock,
    createTopic: true,
  });
  onTestFinished(() => log.stop());
  await log.start();
  return log;
}

test("invariant 1: one broker of three is killed under load: leaders move, nothing is lost, consuming goes on", {
  timeout: slowMs,
}, async () => {
  const kafka = await raise();
  const log = await open(kafka);
  const seen = new Map<number, LogRecord[]>();
  let tellSeen = (): void => {};
  for (let part = 0; part < parts; part++) {
    const found: LogRecord[] = [];
    seen.set(part, found);
    await log.consume(part, null, async (batch) => {
      found.push(...batch.records);
      tellSeen();
      return batch.records.map(() => ({ status: "closed" }));
    });
  }
  const load = startLoad(log);
  for (const broker of kafka.brokers.slice(1)) {
    await load.more(1_500);
    await broker.kill();
    await load.more(1_500);
    await kafka.up();
  }
  await load.more(1_500);
  const acknowledged = await load.stop();
  const read = await readAll(await open(kafka));
  expect(audit(acknowledged, read)).toMatchObject(faultless);
  const total = [...read.values()].flat().length;
  while ([...seen.values()].flat().length < total) {
    await new Promise<void>((resolve) => {
      tellSeen = resolve;
    });
  }
  for (const [part, found] of seen) expect(keys(found)).toEqual(keys(read.get(part)!));
});
