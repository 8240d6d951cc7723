import { defineConfig } from "vitest/config";

// The package, installed: needs the registry for what it depends on, and so isn't part of `npm test`.
export default defineConfig({
  test: {
    include: ["test/package/**/*.test.ts"],
    pool: "forks",
    testTimeout: 90_000,
    hookTimeout: 90_000,
    retry: 0,
  },
});
