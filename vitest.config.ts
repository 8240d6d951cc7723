import { availableParallelism } from "node:os";
import { configDefaults, defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["**/*.test.ts"],
    exclude: [...configDefaults.exclude, "server/test/crash/**", "test/package/**", "**/*.cluster.test.ts"],
    // A process per file: workers, signals and SQLite's threads are then as in production, and an open
    // handle of one file can't keep another alive.
    pool: "forks",
    // Many tests wait for processes and heartbeats rather than for a core.
    maxWorkers: availableParallelism() + 1,
    testTimeout: 90_000,
    hookTimeout: 90_000,
    // A test that fails now and then has found something.
    retry: 0,
  },
});
