import { defineConfig } from "vitest/config";

// The long form of the bad days of a cluster: hours, one at a time. It starts its own services.
export default defineConfig({
  test: {
    include: ["server/test/cluster/{roles,services-away,commits,brokers,restore}.cluster.test.ts"],
    env: { FORM: "long" },
    pool: "forks",
    fileParallelism: false,
    testTimeout: 3_600_000,
    hookTimeout: 300_000,
    retry: 0,
  },
});
