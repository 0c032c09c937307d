import { expect, test } from "vitest";
import { loadParser } from "../../src/db/parse.js";
import { runScript } from "../../src/migrate/build.js";
import { parseScript } from "../../src/migrate/script.js";
import { createScratchDatabase } from "../support/postgres.js";

test.each(["", "-- roomctl:no-transaction\n"])(
  "a session that is lost in a script %j is told with the statement, not with what came of it",
  async (head) => {
    await using scratch = await createScratchDatabase();
    await using database = await scratch.open();
    await using connection = await database.connect();
    const sql = `${head}SELECT 1;\nSELECT pg_terminate_backend(pg_backend_pid())`;
    const script = parseScript(await loadParser(), { path: "1_lost.up.sql", sql });
    await expect(runScript(connection, "1_lost", script)).rejects.toMatchObject({
      code: "E_CONNECTION_LOST",
      message: expect.stringContaining(`1_lost.up.sql:${sql.split("\n").length}`),
    });
    expect(await database.query("SELECT 1 AS one")).toEqual([{ one: 1 }]);
  },
);
