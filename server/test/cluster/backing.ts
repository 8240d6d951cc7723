/** What a deployment stands on: where its services are, as the server's configuration has it. */
import { randomBytes } from "node:crypto";
import { Admin } from "@platformatic/kafka";
import { services } from "../../../test/services.ts";
import { makeDatabases } from "../store/postgres-stage.ts";
import type { Combination } from "./combinations.ts";

export interface Backing {
  /** The server's options for it, by environment variable. */
  readonly environment: Readonly<Record<string, string>>;
  /** Removes what it made. */
  remove(): Promise<void>;
}

/** Fewer than usual: a test's directors take them over sooner. */
const parts = 16;

export interface Addresses {
  readonly postgres: readonly string[];
  readonly redis: readonly string[];
  readonly kafka: readonly string[];
}

export const environmentOf = (
  { postgres, redis, kafka }: Addresses,
  topic = "carillon",
): Record<string, string> => ({
  ...(postgres.length > 0
    ? { CARILLON_POSTGRES_URL: postgres.join(","), CARILLON_PARTS: String(parts) }
    : {}),
  ...(redis.length > 0 ? { CARILLON_REDIS_URL: redis.join(",") } : {}),
  ...(kafka.length > 0 ? { CARILLON_KAFKA_BROKERS: kafka.join(","), CARILLON_KAFKA_TOPIC: topic } : {}),
});

const none: Backing = { environment: {}, remove: async () => {} };

/** Databases and a topic of its own, on the services that all tests share. */
export async function onSharedServices({ stores, redis, kafka }: Combination): Promise<Backing> {
  if (stores === 0) return none;
  const shared = services();
  const databases = await makeDatabases(stores);
  const topic = `carillon-${randomBytes(8).toString("hex")}`;
  const addresses = {
    postgres: databases.urls,
    redis: redis ? shared.redis : [],
    kafka: kafka ? shared.kafka : [],
  };
  return {
    environment: environmentOf(addresses, topic),
    async remove() {
      await databases.remove();
      if (kafka) await removeTopic(shared.kafka, topic);
    },
  };
}

async function removeTopic(brokers: readonly string[], topic: string): Promise<void> {
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [...brokers], retries: 1 });
  try {
    await admin.deleteTopics({ topics: [topic] });
  } finally {
    await admin.close();
  }
}
