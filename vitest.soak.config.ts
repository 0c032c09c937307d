import { defineConfig } from "vitest/config";

/** The full forms of fault campaigns, and of comparisons over random schemas, whose short forms are in `npm test`. */
export default defineConfig({
  test: {
    include: [
      "test/soak/**/*.soak.ts",
      "test/database/wipe-cascade.test.ts",
      "test/database/wipe-rows-oracle.test.ts",
      "test/database/prove-oracle.test.ts",
      "test/command/serve-outage.test.ts",
    ],
    env: {
      ROOMCTL_TEST_GRAPHS: "500",
      ROOMCTL_TEST_ROW_GRAPHS: "300",
      ROOMCTL_TEST_PROVE_SEEDS: "12",
      ROOMCTL_TEST_OUTAGE_SECONDS: "60",
    },
    globalSetup: "test/support/global-setup.ts",
    testTimeout: 3_600_000,
    // One at a time: what a campaign kills at random moments should be its own work, not its neighbour's.
    maxWorkers: 1,
  },
});
