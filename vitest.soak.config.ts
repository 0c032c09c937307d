import { defineConfig } from "vitest/config";

/** The full forms of fault campaigns whose short forms are in `npm test`. */
export default defineConfig({
  test: {
    include: ["test/soak/**/*.soak.ts"],
    globalSetup: "test/support/global-setup.ts",
    testTimeout: 3_600_000,
    // One at a time: what a campaign kills at random moments should be its own work, not its neighbour's.
    maxWorkers: 1,
  },
});
