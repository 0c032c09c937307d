import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/global-setup.ts",
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // Two servers and many child processes: more workers than this only wait for each other.
    maxWorkers: 3,
  },
});
