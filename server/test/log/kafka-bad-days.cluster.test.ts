/** The log while brokers of its own die, freeze and come back, under load. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type Kafka, startKafka } from "../../../services/kafka.ts";
import { systemClock } from "../../src/clock.ts";
import type { Failure } from "../../src/errors.ts";
import { records } from "../../src/log/conformance/suite.ts";
import { type KafkaLogOptions, openKafkaLog } from "../../src/log/kafka/open.ts";
import { audit, readAll, startLoad } from "./load.ts";

const parts = 6;

/** A busy machine takes its time to bring a broker up. */
const slowMs = 240_000;
const directory = mkdtempSync(join(tmpdir(), "carillon-kafka-"));
let single: Kafka;

beforeAll(async () => {
  single = await startKafka({ directory: join(directory, "single") });
}, slowMs);

afterAll(async () => {
  await single.stop();
  rmSync(directory, { recursive: true, force: true });
});

/** What the log told of sends, to be waited for. */
function makeSends() {
  const waiting = new Set<() => void>();
  return {
    sent(): void {
      for (const tell of waiting) tell();
      waiting.clear();
    },
    next: () => new Promise<void>((tell) => void waiting.add(tell)),
  };
}

async function open(kafka: Kafka, topic: string, more: Partial<KafkaLogOptions> = {}) {
  const log = openKafkaLog({
    brokers: kafka.bootstrap,
    topic,
    parts,
    clock: systemClock,
    createTopic: true,
    ...more,
  });
  onTestFinished(() => log.stop());
  await log.start();
  return log;
}

const faultless = { lost: 0, repeated: 0, disordered: 0 };

test("invariant 1: what was acknowledged is there, once and in order, after its broker was killed under load", {
  timeout: slowMs,
}, async () => {
  const log = await open(single, "killed", { producers: 2 });
  const load = startLoad(log);
  for (let round = 0; round < 2; round++) {
    await load.more(2_000);
    await single.brokers[0]!.kill();
    await single.up();
  }
  await load.more(2_000);
  const acknowledged = await load.stop();
  const found = audit(acknowledged, await readAll(await open(single, "killed")));
  expect(found).toMatchObject(faultless);
  expect(found.acknowledged).toBeGreaterThanOrEqual(6_000);
});

for (const away of ["frozen", "dead"] as const) {
  test(`invariant 13: while Kafka is ${away}, appends are refused in a bounded time; it goes on by itself`, {
    timeout: slowMs,
  }, async () => {
    const broker = single.brokers[0]!;
    const sends = makeSends();
    const appendMs = 2_000;
    const log = await open(single, away, { appendMs, producers: 1, events: { sent: sends.sent } });
    const before = records("user:a", 3);
    await log.append(before);
    if (away === "frozen") broker.pause();
    else await broker.kill();

    const startedAt = performance.now();
    const unknown = [records("user:a", 2), records("user:b", 2), records("user:a", 1)];
    const answers = await Promise.allSettled(unknown.map((some) => log.append(some)));
    expect(performance.now() - startedAt).toBeLessThan(appendMs + 2_000);
    for (const answer of answers) {
      expect(answer.status).toBe("rejected");
      const { code, retryAfterMs } = (answer as PromiseRejectedResult).reason as Failure;
      expect({ code, retryAfterMs }).toEqual({ code: "unavailable", retryAfterMs: expect.any(Number) });
    }
    const refusedAt = performance.now();
    await expect(log.append(records("user:a", 1))).rejects.toMatchObject({ code: "unavailable" });
    expect(performance.now() - refusedAt).toBeLessThan(200);

    const recovered = sends.next();
    if (away === "frozen") broker.resume();
    else await single.up();
    await recovered;
    // The same again, as those who were refused do.
    for (const some of unknown) await log.append(some);
    const read = await readAll(await open(single, away));
    const found = audit([...before, ...unknown.flat()], read);
    expect(found).toMatchObject({ lost: 0, disordered: 0 });
  });
}
