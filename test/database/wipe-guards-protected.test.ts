import { describe, expect, test } from "vitest";
import type { GuardRules } from "../../src/core/catalogue.js";
import { type Environment, writeMarker } from "../../src/db/marker.js";
import type { Database } from "../../src/db/pool.js";
import { protectTable, readProtected, unprotectTable } from "../../src/db/protected.js";
import { withTransaction } from "../../src/db/transaction.js";
import { allowedGuards, assertGuards, readGuards } from "../../src/wipe/guards.js";
import { guardRequest, openTunnel } from "../support/guards.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

const mark = (database: Database, environment: Environment) =>
  withTransaction(database, {}, (connection) => writeMarker(connection, environment));

const protect = (database: Database, schema: string, name: string, note: string | null = null) =>
  withTransaction(database, {}, (connection) => protectTable(connection, { schema, name }, note));

test("an --allow that names no guard is refused with those that there are", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  await expect(
    assertGuards(database, guardRequest(scratch.target, { allowed: ["clients", "everything"] })),
  ).rejects.toMatchObject({
    code: "E_USAGE",
    exitCode: 2,
    message: expect.stringContaining('"everything"'),
    hint: "use one of protected-host, protected-table, live-rooms, clients, running-backup, running-migration",
  });
});

test("with nothing in the way each guard says what it saw", async () => {
  await using scratch = await createScratchDatabase();
  await using database = await scratch.open();
  const passed = await assertGuards(database, guardRequest(scratch.target));
  expect(passed.map(({ guard, saw }) => `${guard}: ${saw}`)).toEqual([
    expect.stringMatching(/^protected-host: no protected host: the configured host "127\.0\.0\.1", the server's own/),
    "protected-table: none of the 1 tables is protected",
    "live-rooms: no way to ask is configured",
    "clients: no other client is connected",
    "running-backup: no backup is running",
    "running-migration: no migration is running",
  ]);
  expect(allowedGuards(passed)).toEqual([]);
});

describe.each(serverNames)("protected hosts on %s", (server) => {
  const rules = (...protectedHosts: string[]): GuardRules => ({ protectedHosts });

  test.each([
    ["the configured host", "DB.Prod.*"],
    ["the configured host and its port", "db.prod.example.com:6543"],
    ["the server's own address", "127.0.*"],
  ])("%s is compared with the patterns", async (_what, pattern) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await mark(database, "staging");
    // A final dot only says that a name is complete.
    const host = { host: "db.PROD.example.com.", port: 6543 };
    const request = guardRequest(scratch.target, { host, rules: rules("elsewhere", pattern) });
    // Sessions of this process are known by the host they were opened with, so the clients are left out here.
    const [look] = await readGuards(database, request);
    expect(look).toMatchObject({ guard: "protected-host", refusal: { isFinal: false } });
    const [other] = await readGuards(database, { ...request, rules: rules("prod", "db.prodXexample.com", "127.0") });
    expect(other?.refusal).toBeUndefined();
  });

  test("a tunnel does not hide the server: its own address is compared too", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using tunnel = await openTunnel(scratch.target);
    const target = { ...scratch.target, host: "localhost", port: tunnel.port };
    await using through = await scratch.open({ maxConnections: 1 });
    await mark(through, "development");
    const request = guardRequest(target, { rules: rules(`127.0.0.1:${scratch.target.port}`) });
    const [look] = await readGuards(through, request);
    expect(look?.saw).toBe(`the configuration protects the server's own address "127.0.0.1"`);
  });

  test("--allow steps over it, is written down, and does not help in production or where nothing is marked", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const request = guardRequest(scratch.target, { rules: rules("127.*") });
    const allowed = { ...request, allowed: ["protected-host"] };
    await expect(assertGuards(database, allowed)).rejects.toMatchObject({
      code: "E_GUARD",
      hint: expect.stringContaining("roomctl config mark"),
    });
    await mark(database, "production");
    await expect(assertGuards(database, allowed)).rejects.toMatchObject({
      code: "E_GUARD",
      exitCode: 4,
      message: expect.stringContaining('the configured host "127.0.0.1"'),
      hint: "take the pattern out of guards.protectedHosts in the configuration",
    });
    await mark(database, "staging");
    await expect(assertGuards(database, request)).rejects.toMatchObject({
      hint: expect.stringContaining("roomctl wipe --scope rooms --allow protected-host"),
    });
    expect(allowedGuards(await assertGuards(database, allowed))).toEqual([
      { guard: "protected-host", saw: expect.stringContaining('the configured host "127.0.0.1"') },
    ]);
  });
});

describe.each(serverNames)("protected tables on %s", (server) => {
  test("what the database or the configuration protects is refused by name, whatever --allow says", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute("CREATE TABLE rooms (id int); CREATE TABLE people (id int)");
    await protect(database, "public", "rooms", "the owner's");
    const rules = { protectedTables: ["people"] };
    const request = guardRequest(scratch.target, { rules, allowed: ["protected-table"] });
    await expect(assertGuards(database, request)).rejects.toMatchObject({
      code: "E_GUARD",
      exitCode: 4,
      message: `nothing was changed: protected-table: rooms (${scratch.target.user} protected it: "the owner's")`,
      hint: "roomctl config unprotect rooms --confirm",
    });
    await expect(assertGuards(database, { ...request, tables: ["people"] })).rejects.toMatchObject({
      message: "nothing was changed: protected-table: people (the configuration protects it)",
      hint: "take people out of guards.protectedTables in the configuration",
    });
    await withTransaction(database, {}, (connection) =>
      unprotectTable(connection, { schema: "public", name: "rooms" }),
    );
    expect((await assertGuards(database, request)).map(({ isSteppedOver }) => isSteppedOver)).not.toContain(true);
  });

  test("partitions and heirs are protected with their table, and a partitioned table with its partitions", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await database.execute(`
      CREATE SCHEMA parts;
      CREATE TABLE log (at int) PARTITION BY RANGE (at);
      CREATE TABLE parts.log_old PARTITION OF log FOR VALUES FROM (0) TO (9) PARTITION BY RANGE (at);
      CREATE TABLE parts.log_oldest PARTITION OF parts.log_old FOR VALUES FROM (0) TO (3);
      CREATE TABLE parent (id int); CREATE TABLE heir () INHERITS (parent)`);
    const seen = async (protectedTable: string, tables: readonly string[]) => {
      const rules = { protectedTables: [protectedTable] };
      const [, look] = await readGuards(database, guardRequest(scratch.target, { rules, tables }));
      return look?.refusal === undefined ? "passed" : look.saw.replace(/ \(.*/, "");
    };
    expect(await seen("log", ["parts.log_oldest"])).toBe("parts.log_oldest, a part of log");
    expect(await seen("parts.log_oldest", ["log"])).toBe("parts.log_oldest");
    expect(await seen("parent", ["heir"])).toBe("heir, a part of parent");
    // The plan names each heir that goes; the parent alone keeps them.
    expect(await seen("heir", ["parent"])).toBe("passed");
    expect(await seen("log_oldest", ["log"])).toBe("passed");
  });

  test("hostile names are protected like any other", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    const schema = `it's "a" schema`;
    const name = `ro.oms'; DROP TABLE x; --`;
    const quoted = `"it's ""a"" schema"."ro.oms'; DROP TABLE x; --"`;
    await database.execute(`CREATE SCHEMA "it's ""a"" schema"; CREATE TABLE ${quoted} (id int); CREATE TABLE rooms ()`);
    await protect(database, schema, name);
    expect(await readProtected(database)).toMatchObject([{ schema, name, note: null }]);
    await expect(
      assertGuards(database, guardRequest(scratch.target, { tables: ["rooms", quoted] })),
    ).rejects.toMatchObject({
      hint: `roomctl config unprotect '"it'\\''s ""a"" schema"."ro.oms'\\''; DROP TABLE x; --"' --confirm`,
    });
    await assertGuards(database, guardRequest(scratch.target));
  });

  test("protection is by name: a table that is dropped and made again has it, and one that is not there gets none", async () => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await expect(protect(database, "public", "rooms")).rejects.toMatchObject({ code: "E_UNKNOWN_TABLE" });
    await database.execute("CREATE TABLE rooms (id int)");
    await protect(database, "public", "rooms", "why");
    await protect(database, "public", "rooms");
    expect(await readProtected(database)).toMatchObject([{ name: "rooms", note: "why" }]);
    await database.execute("DROP TABLE rooms; CREATE TABLE rooms (other int)");
    await expect(assertGuards(database, guardRequest(scratch.target))).rejects.toMatchObject({ code: "E_GUARD" });
  });
});
