/** Topics of a test's own in a Kafka that is shared, removed when the file is done. */
import { randomBytes } from "node:crypto";
import { Admin } from "@platformatic/kafka";
import { afterAll } from "vitest";
import { systemClock } from "../../src/clock.ts";
import { type KafkaLogOptions, openKafkaLog } from "../../src/log/kafka/open.ts";

export function ownTopics(brokers: readonly string[]) {
  const made = new Set<string>();

  afterAll(async () => {
    const admin = new Admin({ clientId: "carillon-test", bootstrapBrokers: [...brokers] });
    for (const topic of made) await admin.deleteTopics({ topics: [topic] }).catch(() => {});
    await admin.close();
  });

  return {
    name(): string {
      const topic = `test-${randomBytes(8).toString("hex")}`;
      made.add(topic);
      return topic;
    },
    options: (topic: string, parts: number, more: Partial<KafkaLogOptions> = {}): KafkaLogOptions => ({
      brokers,
      topic,
      parts,
      clock: systemClock,
      createTopic: true,
      ...more,
    }),
    async open(topic: string, parts: number, more: Partial<KafkaLogOptions> = {}) {
      const log = openKafkaLog(this.options(topic, parts, more));
      await log.start();
      return log;
    },
  };
}
