import { describe, expect, test } from "vitest";
import { referenceScopes } from "../../src/core/reference-scopes.js";
import { writeMarker } from "../../src/db/marker.js";
import { readOperations } from "../../src/db/operations.js";
import { countRows } from "../../src/db/schema.js";
import { applyWipe } from "../../src/wipe/apply.js";
import { planWipe } from "../../src/wipe/plan.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { scopeOf, tableCounts, useReferenceDatabase, wipeOptions } from "../support/wipe.js";

const cloneReference = useReferenceDatabase();

describe.each(serverNames)("on %s", (server) => {
  test.each(referenceScopes.map(({ name }) => name))(
    "the scope %s empties its tables, leaves the others as they are, and writes down what it did",
    async (name) => {
      await using scratch = await cloneReference(server);
      await using database = await scratch.open();
      const before = await tableCounts(database);
      const plan = await planWipe(database, referenceScopes, [name]);
      const result = await applyWipe(database, plan, { ...wipeOptions(), acceptsCascade: true });

      const emptied = new Map(result.tables.map((table) => [table.table, table]));
      const expected = Object.fromEntries(
        Object.entries(before).map(([table, rows]) => [table, emptied.has(table) ? 0 : rows]),
      );
      expect(await tableCounts(database)).toEqual(expected);
      for (const [table, { rowsDeleted, rowsLeft }] of emptied) {
        expect({ table, rowsDeleted, rowsLeft }).toEqual({ table, rowsDeleted: before[table], rowsLeft: 0 });
      }
      const named = referenceScopes.find((one) => one.name === name)?.tables ?? [];
      expect(plan.tables.map(({ table }) => table)).toEqual(expect.arrayContaining([...named]));
      const [operation] = await readOperations(database, 5);
      expect(operation).toMatchObject({
        id: result.operation,
        kind: "wipe",
        plan: { token: plan.token, scopes: [name] },
      });
    },
  );

  test("no scope means all, and all needs no cascade", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    const plan = await planWipe(database, referenceScopes, []);
    expect(plan).toMatchObject({ scopes: ["all"], cascades: [] });
    await applyWipe(database, plan, wipeOptions());
    const left = Object.entries(await tableCounts(database)).filter(([, rows]) => rows > 0);
    expect(left.map(([table]) => table)).toEqual(["server_instances"]);
  });

  test("the sequences of wiped tables begin at 1 again", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    const plan = await planWipe(database, referenceScopes, ["users"]);
    expect(plan.sequences.map(({ sequence }) => sequence).sort()).toEqual([
      "reports_report_id_seq",
      "session_completions_id_seq",
    ]);
    await applyWipe(database, plan, { ...wipeOptions(), acceptsCascade: true });
    const [next] = await database.query(
      "SELECT nextval('session_completions_id_seq') AS completion, nextval('reports_report_id_seq') AS report",
    );
    expect(next).toEqual({ completion: "1", report: "1" });
  });

  test("the instagram scope puts the column back and keeps every user", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    await database.execute(
      "UPDATE users SET instagram_posts = '[1]' WHERE user_id IN (SELECT user_id FROM users LIMIT 3)",
    );
    const before = await countRows(database, { schema: "public", name: "users" });
    const filled = "SELECT count(*)::int AS rows FROM users WHERE instagram_posts <> '[]'";
    const [posts] = await database.query<{ rows: number }>(filled);
    const plan = await planWipe(database, referenceScopes, ["instagram"]);
    expect(plan).toMatchObject({ tables: [], rows: 0, resets: [{ table: "users", rows: posts?.rows }] });
    const result = await applyWipe(database, plan, wipeOptions());
    expect(result.resets).toEqual([{ table: "users", column: "instagram_posts", rowsChanged: posts?.rows }]);
    expect(await database.query(filled)).toEqual([{ rows: 0 }]);
    expect(await countRows(database, { schema: "public", name: "users" })).toBe(before);
  });

  test("a plan shows the host, the server, the marker, exact rows, and every way of a cascade", async () => {
    await using scratch = await cloneReference(server);
    await using database = await scratch.open();
    await using connection = await database.connect();
    await writeMarker(connection, "staging");
    const before = await tableCounts(database);
    const plan = await planWipe(database, referenceScopes, ["users"]);
    expect(plan).toMatchObject({
      database: scratch.target.database,
      host: `${scratch.target.host}:${scratch.target.port}`,
      environment: "staging",
      systemIdentifier: expect.stringMatching(/^\d+$/),
      token: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(plan.url).not.toContain(String(scratch.target.password));
    expect(Object.fromEntries(plan.tables.map(({ table, rows }) => [table, rows]))).toMatchObject({
      users: before["users"],
      sessions: before["sessions"],
    });
    expect(plan.cascades.find(({ table }) => table === "text_room_activity")).toMatchObject({
      rows: before["text_room_activity"],
      onDelete: "CASCADE",
      path: ["text_room_activity(room_id) → active_rooms", expect.stringContaining("→ users")],
    });
    expect(plan.cascades.find(({ table }) => table === "invite_codes")).toMatchObject({ onDelete: "SET NULL" });
    expect(plan.rows).toBe([...plan.tables, ...plan.cascades].reduce((sum, { rows }) => sum + rows, 0));
  });

  test("tables beyond the scopes that hold rows must be accepted; empty ones need not", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(
      "CREATE TABLE parent (id int PRIMARY KEY); CREATE TABLE child (parent int REFERENCES parent ON DELETE SET NULL); INSERT INTO parent VALUES (1)",
    );
    const scopes = scopeOf(["parent"]);
    await applyWipe(database, await planWipe(database, scopes, ["it"]), wipeOptions(scopes));
    expect(await countRows(database, { schema: "public", name: "parent" })).toBe(0);

    await database.execute("INSERT INTO child VALUES (null), (null)");
    const plan = await planWipe(database, scopes, ["it"]);
    await expect(applyWipe(database, plan, wipeOptions(scopes))).rejects.toMatchObject({
      code: "E_CASCADE_REQUIRED",
      message: expect.stringContaining("child (2 rows)"),
      hint: "if they may go too: roomctl wipe --scope it --cascade --confirm",
    });
    expect(await countRows(database, { schema: "public", name: "child" })).toBe(2);
  });
});
