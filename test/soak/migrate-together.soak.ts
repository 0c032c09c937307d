import { expect, test } from "vitest";
import { runRoomctl } from "../support/cli.js";
import { createMigrationFolder } from "../support/migrations.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const rounds = 20;

test.each(serverNames)(
  "three processes started together over a concurrent index: each round ends well (%s)",
  async (server) => {
    using folder = createMigrationFolder({
      "1_a.up.sql": "CREATE TABLE a (n int); INSERT INTO a SELECT generate_series(1, 200000)",
      "2_b.up.sql": "CREATE INDEX CONCURRENTLY IF NOT EXISTS a_n ON a (n)",
      "3_c.up.sql": "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a_n_unique ON a (n)",
    });
    for (let round = 0; round < rounds; round += 1) {
      await using scratch = await createScratchDatabase({ server });
      const words = ["migrate", "--dir", folder.directory, "--json"];
      const runs = await Promise.all([1, 2, 3].map(() => runRoomctl(words, { databaseUrl: scratch.url })));
      expect(runs.map(({ status }) => status)).toEqual([0, 0, 0]);
      await using database = await scratch.open();
      const indexes = await database.query(
        "SELECT indisvalid AS valid FROM pg_index WHERE indrelid = 'a'::regclass ORDER BY indexrelid",
      );
      expect(indexes).toEqual([{ valid: true }, { valid: true }]);
      const runsNoted = await database.query("SELECT name, state FROM roomctl.migration_runs ORDER BY id");
      expect(runsNoted).toEqual(["1_a", "2_b", "3_c"].map((name) => ({ name, state: "done" })));
    }
    process.stdout.write(`${server}: ${rounds} of ${rounds} rounds of three processes ended well\n`);
  },
);
