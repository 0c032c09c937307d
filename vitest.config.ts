import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: "test/support/global-setup.ts",
    // What hangs is found all the same; a machine that does other things for minutes must fail no test.
    testTimeout: 600_000,
    hookTimeout: 600_000,
    expect: { poll: { timeout: 120_000 } },
    // Two servers and many child processes: more workers than this only wait for each other.
    maxWorkers: 3,
  },
});
