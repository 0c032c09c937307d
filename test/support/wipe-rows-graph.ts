import { formatName, type QualifiedName, quoteIdentifier, quoteName } from "../../src/db/identifier.js";
import type { Connection } from "../../src/db/pool.js";

interface GraphKey {
  readonly child: QualifiedName;
  readonly name: string;
  /** Its own columns, the last of which is `fk0`, `fk1`, …; no two keys share one. */
  readonly columns: readonly string[];
  readonly action: string;
  /** An ON DELETE action that lets rows go, whatever stands in their way. */
  readonly isFree: boolean;
  readonly definition: (action: string) => string;
}

export interface Graph {
  /** Partitioned tables as their root. */
  readonly tables: readonly QualifiedName[];
  /** Tables, and partitions. */
  readonly choosable: readonly QualifiedName[];
  readonly keys: readonly GraphKey[];
  /** The root of each partition, both as plans name them. */
  readonly rootOf: ReadonlyMap<string, string>;
}

const actions = ["NO ACTION", "RESTRICT", "CASCADE", "CASCADE", "SET NULL", "SET DEFAULT"];
const schemas = ["public", "other", 'odd "schema".x'];
const hostile = ["plain", "Mixed Case", 'quo"ted', "dot.ted", "sémantique", "select", "'; --", "parent", "child"];
const rowsPerTable = 12;

/** mulberry32: small, and the same on every machine. */
export function seededRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

export function pick<T>(from: readonly T[], random: () => number): T {
  return from[Math.floor(random() * from.length)] as T;
}

/** Tables of every shape in several schemas, foreign keys of every kind between them, and rows that fit. */
export async function buildGraph(connection: Connection, random: () => number): Promise<Graph> {
  for (const schema of schemas.slice(1)) await connection.execute(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  const tables: QualifiedName[] = [];
  const partitions: QualifiedName[] = [];
  const rootOf = new Map<string, string>();
  const count = 2 + Math.floor(random() * 6);
  for (let index = 0; index < count; index += 1) {
    const name = { schema: pick(schemas, random), name: `${hostile[index]}${index}` };
    const roll = random();
    if (roll < 0.25) {
      for (const partition of await createPartitioned(connection, name, random)) {
        partitions.push(partition);
        rootOf.set(formatName(partition), formatName(name));
      }
    } else await createTable(connection, name, roll < 0.45 ? pick(tables, random) : undefined);
    tables.push(name);
  }
  const keys: GraphKey[] = [];
  const wanted = 1 + Math.floor(random() * (count + 3));
  for (let index = 0; index < wanted; index += 1) keys.push(await addKey(connection, tables, index, random));
  await connection.execute("SET LOCAL session_replication_role = replica");
  for (const table of tables) await fill(connection, table, random);
  await connection.execute("SET LOCAL session_replication_role = origin");
  return { tables, choosable: [...tables, ...partitions], keys, rootOf };
}

const columns = "id int, grp int NOT NULL, PRIMARY KEY (id), UNIQUE (grp, id)";

async function createTable(connection: Connection, name: QualifiedName, parent: QualifiedName | undefined) {
  await connection.execute("SAVEPOINT heir");
  try {
    const heir = parent ? ` INHERITS (${quoteName(parent)})` : "";
    await connection.execute(`CREATE TABLE ${quoteName(name)} (${columns})${heir}`);
  } catch {
    // A partitioned table has no heirs.
    await connection.execute(`ROLLBACK TO heir; CREATE TABLE ${quoteName(name)} (${columns})`);
  }
}

async function createPartitioned(connection: Connection, root: QualifiedName, random: () => number) {
  await connection.execute(`CREATE TABLE ${quoteName(root)} (${columns}) PARTITION BY HASH (id)`);
  const partitions: QualifiedName[] = [];
  for (const remainder of [0, 1]) {
    const partition = { schema: root.schema, name: `part ${remainder} ${root.name}` };
    const isDeep = random() < 0.3;
    // A dropped column makes the numbers of a partition's columns other than its root's.
    await connection.execute(
      `CREATE TABLE ${quoteName(partition)} (gone int, ${columns}) ${isDeep ? "PARTITION BY RANGE (id)" : ""};
       ALTER TABLE ${quoteName(partition)} DROP COLUMN gone;
       ALTER TABLE ${quoteName(root)} ATTACH PARTITION ${quoteName(partition)} FOR VALUES WITH (MODULUS 2, REMAINDER ${remainder})`,
    );
    partitions.push(partition);
    if (!isDeep) continue;
    const leaf = { schema: root.schema, name: `leaf ${remainder} ${root.name}` };
    await connection.execute(`CREATE TABLE ${quoteName(leaf)} PARTITION OF ${quoteName(partition)} DEFAULT`);
    partitions.push(leaf);
  }
  return partitions;
}

async function addKey(
  connection: Connection,
  tables: readonly QualifiedName[],
  index: number,
  random: () => number,
): Promise<GraphKey> {
  const child = pick(tables, random);
  const parent = random() < 0.15 ? child : pick(tables, random);
  const action = pick(actions, random);
  const isComposite = random() < 0.4;
  const isStrict = action === "SET NULL" && random() < 0.15;
  const own = isComposite ? [`fg${index}`, `fk${index}`] : [`fk${index}`];
  const hasDefault = action === "SET DEFAULT" && !isComposite && random() < 0.5;
  for (const column of own) {
    const rest = `${hasDefault ? ` DEFAULT ${rowsPerTable}` : ""}${isStrict ? " NOT NULL" : ""}`;
    await connection.execute(`ALTER TABLE ${quoteName(child)} ADD COLUMN ${column} int${rest}`);
  }
  const changesOne = isComposite && /^SET/.test(action) && random() < 0.4 ? ` (fk${index})` : "";
  const match = isComposite && random() < 0.4 ? " MATCH FULL" : "";
  const name = `key ${index}`;
  const definition = (onDelete: string) =>
    `ALTER TABLE ${quoteName(child)} ADD CONSTRAINT ${quoteIdentifier(name)} FOREIGN KEY (${own.join(", ")})
     REFERENCES ${quoteName(parent)} (${isComposite ? "grp, id" : "id"})${match} ON DELETE ${onDelete}
     ${onDelete === "NO ACTION" ? "DEFERRABLE INITIALLY DEFERRED" : ""}`;
  await connection.execute(definition(`${action}${changesOne}`));
  return { child, name, columns: own, action, isFree: !isStrict && !/NO ACTION|RESTRICT/.test(action), definition };
}

/** Ids 1 to 12 everywhere, so that every reference finds its row; a third of those that may be null are. */
async function fill(connection: Connection, table: QualifiedName, random: () => number): Promise<void> {
  const facts = await connection.query<{ name: string; strict: boolean }>(
    `SELECT attname AS name, attnotnull AS strict FROM pg_attribute
      WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped AND attname ~ '^f[kg][0-9]+$' ORDER BY attnum`,
    [quoteName(table)],
  );
  const rows: string[] = [];
  for (let id = 1; id <= rowsPerTable; id += 1) {
    const values = new Map<string, number | null>();
    for (const { name, strict } of facts.toReversed()) {
      const referred = values.get(name.replace("fg", "fk"));
      const isNull = !strict && random() < 0.33;
      if (name.startsWith("fk")) values.set(name, isNull ? null : 1 + Math.floor(random() * rowsPerTable));
      else values.set(name, typeof referred === "number" ? referred % 3 : null);
    }
    rows.push(`(${[id, id % 3, ...facts.map(({ name }) => values.get(name) ?? "NULL")].join(", ")})`);
  }
  const list = ["id", "grp", ...facts.map(({ name }) => name)].join(", ");
  await connection.execute(`INSERT INTO ${quoteName(table)} (${list}) VALUES ${rows.join(", ")}`);
}
