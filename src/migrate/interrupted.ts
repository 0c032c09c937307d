import { quoteIdentifier } from "../db/identifier.js";
import type { ParsedStatement } from "../db/parse.js";
import type { Connection } from "../db/pool.js";

/**
 * Whether a statement that was interrupted outside of a transaction had done its work after all, as far as the catalog
 * tells: the index or database that it drops is gone, the database that it creates is there, the partition is detached. A
 * partition that is half detached is finished here. All other statements run again.
 */
export async function isDone(connection: Connection, { node }: ParsedStatement): Promise<boolean> {
  if (node === undefined) return false;
  if ("DropStmt" in node) return !(await exists(connection, relation(nameParts(node.DropStmt.objects?.[0]))));
  if ("CreatedbStmt" in node) return hasDatabase(connection, node.CreatedbStmt.dbname);
  if ("DropdbStmt" in node) return !(await hasDatabase(connection, node.DropdbStmt.dbname));
  if ("AlterTableStmt" in node) return finishDetach(connection, node.AlterTableStmt);
  return false;
}

interface RangeVar {
  readonly schemaname?: string;
  readonly relname?: string;
}

async function exists(connection: Connection, name: string): Promise<boolean> {
  const [row] = await connection.query<{ found: boolean }>("SELECT to_regclass($1) IS NOT NULL AS found", [name]);
  return row?.found ?? false;
}

async function hasDatabase(connection: Connection, name: string | undefined): Promise<boolean> {
  return (await connection.query("SELECT FROM pg_database WHERE datname = $1", [name])).length > 0;
}

async function finishDetach(
  connection: Connection,
  { relation: parent, cmds }: { readonly relation?: RangeVar; readonly cmds?: readonly unknown[] },
): Promise<boolean> {
  const partition = partitionOf(cmds?.[0]);
  if (parent === undefined || partition === undefined) return false;
  const names = { parent: relation(partsOf(parent)), partition: relation(partsOf(partition)) };
  const [row] = await connection.query<{ isPending: boolean }>(
    `SELECT inhdetachpending AS "isPending" FROM pg_inherits
      WHERE inhparent = to_regclass($1) AND inhrelid = to_regclass($2)`,
    [names.parent, names.partition],
  );
  if (row?.isPending)
    await connection.execute(`ALTER TABLE ${names.parent} DETACH PARTITION ${names.partition} FINALIZE`);
  return row === undefined || row.isPending;
}

function partitionOf(command: unknown): RangeVar | undefined {
  const found = ["AlterTableCmd", "def", "PartitionCmd", "name"].reduce<unknown>(
    (value, field) => (typeof value === "object" && value !== null ? Reflect.get(value, field) : undefined),
    command,
  );
  return typeof found === "object" && found !== null ? found : undefined;
}

function partsOf({ schemaname, relname }: RangeVar): readonly string[] {
  return [schemaname, relname].filter((part) => part !== undefined);
}

/** The strings of a list of names in the tree. */
function nameParts(object: unknown): readonly string[] {
  const text = JSON.stringify(object ?? null);
  return [...text.matchAll(/"sval":("(?:[^"\\]|\\.)*")/g)].map((match) => String(JSON.parse(match[1] ?? '""')));
}

function relation(parts: readonly string[]): string {
  return parts.map(quoteIdentifier).join(".");
}
