import { expect, test } from "vitest";
import { parseName, type QualifiedName, quoteName } from "../../src/db/identifier.js";
import type { Connection } from "../../src/db/pool.js";
import { traceTruncate } from "../../src/wipe/cascade.js";
import { relationExpression } from "../../src/wipe/measure.js";
import { readPlan } from "../../src/wipe/plan.js";
import { readRelationGraph } from "../../src/wipe/relations.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";

/** `npm run soak` asks for more. */
const graphCount = Number(process.env["ROOMCTL_TEST_GRAPHS"] ?? 60);

test.each(serverNames)(
  "on %s the closure of random schemas is exactly what TRUNCATE … CASCADE empties, and so is the explicit list",
  async (server) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    const sizes = new Set<number>();
    for (let seed = 1; seed <= graphCount; seed += 1) {
      const random = seededRandom(seed);
      await connection.execute("BEGIN");
      const tables = await buildSchema(connection, random);
      const chosen = tables.filter(() => random() < 0.25).slice(0, 3);
      if (chosen.length === 0) chosen.push(tables[0] as QualifiedName);

      const graph = await readRelationGraph(connection);
      const oidOf = (name: QualifiedName) =>
        [...graph.relations.values()].find((one) => one.schema === name.schema && one.name === name.name)?.oid ?? 0;
      const traced = [...traceTruncate(graph, chosen.map(oidOf)).keys()];
      const selection = {
        scopes: ["random"],
        tables: chosen.map((name) => ({ name, scope: "random", isOptional: false })),
        resets: [],
      };
      const plan = await readPlan(connection, database, selection);
      const emptied = await reallyEmptied(connection, `${chosen.map(quoteName).join(", ")} CASCADE`);
      const list = [...plan.tables, ...plan.cascades].map((one) =>
        relationExpression(one, quoteName(parseName(one.table))),
      );
      const listed = await reallyEmptied(connection, `${list.join(", ")} RESTRICT`);
      await connection.execute("ROLLBACK");

      const leaves = traced.filter((oid) => graph.relations.get(oid)?.kind === "table").sort((a, b) => a - b);
      expect(leaves, `seed ${seed}`).toEqual(emptied.oids);
      expect(listed, `seed ${seed}`).toEqual(emptied);
      expect(plan.rows, `seed ${seed}`).toBe(emptied.rows);
      sizes.add(leaves.length);
    }
    // The generator is worth something only while it makes small and large closures.
    expect(sizes.size).toBeGreaterThan(5);
  },
);

const hostileNames = [
  "plain",
  "Mixed Case",
  'quo"ted',
  "dot.ted",
  "new\nline",
  "sémantique",
  "select",
  "'; --",
  "x".repeat(63),
  "tab\there",
];

async function buildSchema(connection: Connection, random: () => number): Promise<QualifiedName[]> {
  const schemas = ["public", "other", 'odd "schema".x'];
  for (const schema of schemas.slice(1)) {
    await connection.execute(`CREATE SCHEMA ${quoteName({ schema, name: "" }).replace('.""', "")}`);
  }
  const tables: QualifiedName[] = [];
  const count = 4 + Math.floor(random() * 7);
  for (let index = 0; index < count; index += 1) {
    const suffix = String(index);
    const base = hostileNames[index] ?? "";
    const name = { schema: pick(schemas, random), name: `${base.slice(0, 63 - suffix.length)}${suffix}` };
    const roll = random();
    if (roll < 0.25) await createPartitioned(connection, name, random, tables);
    else if (roll < 0.4 && tables.length > 0) await createHeir(connection, name, tables, random);
    else await connection.execute(`CREATE TABLE ${quoteName(name)} (id int PRIMARY KEY)`);
    tables.push(name);
  }
  await addForeignKeys(connection, tables, random);
  for (const table of tables) await fill(connection, table);
  return tables;
}

async function createPartitioned(
  connection: Connection,
  root: QualifiedName,
  random: () => number,
  tables: QualifiedName[],
): Promise<void> {
  await connection.execute(`CREATE TABLE ${quoteName(root)} (id int PRIMARY KEY) PARTITION BY HASH (id)`);
  for (const remainder of [0, 1]) {
    const partition = { schema: root.schema, name: `part ${remainder} ${root.name}`.slice(0, 40) };
    const isDeep = random() < 0.3;
    await connection.execute(
      `CREATE TABLE ${quoteName(partition)} PARTITION OF ${quoteName(root)} FOR VALUES WITH (MODULUS 2, REMAINDER ${remainder})
       ${isDeep ? "PARTITION BY RANGE (id)" : ""}`,
    );
    if (isDeep) {
      const leaf = { schema: root.schema, name: `leaf ${partition.name}` };
      await connection.execute(`CREATE TABLE ${quoteName(leaf)} PARTITION OF ${quoteName(partition)} DEFAULT`);
      tables.push(leaf);
    }
    tables.push(partition);
  }
}

async function createHeir(
  connection: Connection,
  name: QualifiedName,
  tables: readonly QualifiedName[],
  random: () => number,
): Promise<void> {
  const parent = pick(tables, random);
  await connection.execute("SAVEPOINT heir");
  try {
    await connection.execute(`CREATE TABLE ${quoteName(name)} (PRIMARY KEY (id)) INHERITS (${quoteName(parent)})`);
  } catch {
    // A partition, or a partitioned table, has no heirs.
    await connection.execute("ROLLBACK TO heir");
    await connection.execute(`CREATE TABLE ${quoteName(name)} (id int PRIMARY KEY)`);
  }
}

async function addForeignKeys(
  connection: Connection,
  tables: readonly QualifiedName[],
  random: () => number,
): Promise<void> {
  const actions = ["NO ACTION", "RESTRICT", "CASCADE", "SET NULL", "SET DEFAULT"];
  const count = Math.floor(tables.length * (0.5 + random()));
  for (let index = 0; index < count; index += 1) {
    const child = pick(tables, random);
    const parent = random() < 0.1 ? child : pick(tables, random);
    const column = `fk${index}`;
    await connection.execute("SAVEPOINT foreign_key");
    try {
      // A partition's columns are its root's: there the key itself refers on.
      const isOwnColumn = random() < 0.8;
      if (isOwnColumn) await connection.execute(`ALTER TABLE ${quoteName(child)} ADD COLUMN ${column} int`);
      await connection.execute(
        `ALTER TABLE ${quoteName(child)} ADD CONSTRAINT c${index} FOREIGN KEY (${isOwnColumn ? column : "id"})
         REFERENCES ${quoteName(parent)} (id) ON DELETE ${pick(actions, random)}`,
      );
    } catch {
      await connection.execute("ROLLBACK TO foreign_key");
      await connection.execute("SAVEPOINT foreign_key");
      try {
        await connection.execute(
          `ALTER TABLE ${quoteName(child)} ADD CONSTRAINT c${index} FOREIGN KEY (id) REFERENCES ${quoteName(parent)} (id)`,
        );
      } catch {
        // Not every pair can have one; the next try is another pair.
        await connection.execute("ROLLBACK TO foreign_key");
      }
    }
  }
}

/** The same ids everywhere, so that keys on `id` hold; those of heirs included. */
async function fill(connection: Connection, table: QualifiedName): Promise<void> {
  await connection.execute("SET LOCAL session_replication_role = replica");
  const [facts] = await connection.query<{ skip: boolean }>(
    "SELECT relispartition AS skip FROM pg_class WHERE oid = $1::regclass",
    [quoteName(table)],
  );
  if (facts?.skip) return;
  await connection.execute(`INSERT INTO ${quoteName(table)} (id) SELECT generate_series(1, 20)`);
}

async function reallyEmptied(connection: Connection, what: string) {
  const before = await countAll(connection);
  await connection.execute("SAVEPOINT emptied");
  await connection.execute(`TRUNCATE ${what}`);
  const after = await countAll(connection);
  await connection.execute("ROLLBACK TO emptied");
  const gone = [...before].filter(([oid, rows]) => rows > 0 && after.get(oid) === 0);
  expect([...after].every(([oid, rows]) => rows === 0 || rows === before.get(oid))).toBe(true);
  expect([...before.values()].every((rows) => rows > 0)).toBe(true);
  return {
    oids: gone.map(([oid]) => oid).sort((a, b) => a - b),
    rows: gone.reduce((sum, [, rows]) => sum + rows, 0),
  };
}

async function countAll(connection: Connection): Promise<Map<number, number>> {
  const tables = await connection.query<QualifiedName & { oid: string }>(
    `SELECT class.oid::text, nspname AS schema, relname AS name FROM pg_class AS class JOIN pg_namespace AS space ON space.oid = relnamespace
      WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema')`,
  );
  const counts = new Map<number, number>();
  for (const table of tables) {
    const [row] = await connection.query<{ rows: string }>(`SELECT count(*) AS rows FROM ONLY ${quoteName(table)}`);
    counts.set(Number(table.oid), Number(row?.rows));
  }
  return counts;
}

function pick<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)] as T;
}

/** mulberry32: small, and the same on every machine. */
function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}
