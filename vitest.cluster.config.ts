import { defineConfig } from "vitest/config";

// What needs real servers beside it: PostgreSQL, Redis, Kafka. `npm run services` starts them.
export default defineConfig({
  test: {
    include: ["**/*.cluster.test.ts"],
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 180_000,
    // A test that fails now and then has found something.
    retry: 0,
  },
});
