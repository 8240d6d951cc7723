import { defineConfig } from "vitest/config";

// The long form: processes killed over and over. Minutes, one file at a time, and so not part of `npm test`.
export default defineConfig({
  test: {
    include: ["server/test/crash/**/*.test.ts"],
    passWithNoTests: true,
    pool: "forks",
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 60_000,
    retry: 0,
  },
});
