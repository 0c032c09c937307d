import { quoteLiteral, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { readSchemaSnapshot, type SchemaSnapshot } from "../db/snapshot.js";
import { loadStatement } from "../db/statement.js";
import type { ProofChange } from "./model.js";

/** All that a migration may have changed. */
export interface ProofState {
  readonly schema: SchemaSnapshot;
  readonly tables: ReadonlyMap<string, TableRows>;
  /** Where sequences stand, by name; null for one that waits for its first call. */
  readonly sequences: ReadonlyMap<string, string | null>;
}

/** The rows of one table: how often each content is there, and how often with the transaction that wrote it. */
interface TableRows {
  readonly count: number;
  readonly contents: ReadonlyMap<string, number>;
  readonly versions: ReadonlyMap<string, number>;
}

/** Rows of a table that are not what they were. */
export interface RowChange {
  readonly table: string;
  readonly added: number;
  readonly removed: number;
  /** Rows whose content is the same, but which were written again. */
  readonly rewritten: number;
}

/** Reads the schema, the rows and the sequences, whatever role the script has taken on. */
export async function readState(connection: Connection): Promise<ProofState> {
  const [row] = await connection.query<{ role: string }>("SELECT current_setting('role') AS role");
  const role = row?.role ?? "none";
  if (role !== "none") await connection.execute("RESET ROLE");
  const state = {
    schema: await readSchemaSnapshot(connection),
    tables: await readTables(connection),
    sequences: await readSequences(connection),
  };
  if (role !== "none") await connection.query("SELECT set_config('role', $1, false)", [role]);
  return state;
}

/** Where the app's sequences stand. */
async function readSequences(connection: Connection): Promise<ReadonlyMap<string, string | null>> {
  const rows = await connection.query<{ name: string; value: string | null }>(sequencesText());
  return new Map(rows.map(({ name, value }) => [name, value]));
}

/** The same, for `effectOf`. */
export function sequencesText(): string {
  return loadStatement("prove/sequences");
}

/** Objects that differ, each with both definitions. */
export function schemaChanges(expected: SchemaSnapshot, found: SchemaSnapshot): readonly ProofChange[] {
  const keys = [...new Set([...Object.keys(expected), ...Object.keys(found)])].sort();
  return keys
    .filter((object) => expected[object] !== found[object])
    .map((object) => ({ object, expected: expected[object] ?? null, found: found[object] ?? null }));
}

/** True when two snapshots hold the same. */
export function isSameSchema(first: SchemaSnapshot, second: SchemaSnapshot): boolean {
  return first === second || schemaChanges(first, second).length === 0;
}

/** Tables whose rows were written. One that is new or gone is the schema's matter. */
export function rowChanges(before: ProofState, after: ProofState): readonly RowChange[] {
  return [...after.tables].flatMap(([table, rows]) => {
    const old = before.tables.get(table);
    if (old === undefined) return [];
    const added = surplus(rows.contents, old.contents);
    const removed = surplus(old.contents, rows.contents);
    const rewritten = Math.max(0, surplus(rows.versions, old.versions) - added);
    return added + removed + rewritten > 0 ? [{ table, added, removed, rewritten }] : [];
  });
}

async function readTables(connection: Connection): Promise<ReadonlyMap<string, TableRows>> {
  const names = await connection.query<{ schema: string; name: string }>(loadStatement("prove/tables"));
  const tables = new Map(names.map((name) => [labelOf(name), emptyTable()]));
  if (names.length === 0) return tables;
  const parts = names.map(
    (name) => `SELECT ${quoteLiteral(labelOf(name))} AS "table", md5((roomctl_row.*)::text) AS content,
                      roomctl_row.xmin::text AS writer FROM ONLY ${quoteName(name)} AS roomctl_row`,
  );
  const rows = await connection.query<{ table: string; content: string; writer: string }>(parts.join(" UNION ALL "));
  for (const { table, content, writer } of rows) {
    const counted = tables.get(table);
    if (counted === undefined) continue;
    counted.count += 1;
    count(counted.contents, content);
    count(counted.versions, `${content} ${writer}`);
  }
  return tables;
}

function emptyTable() {
  return { count: 0, contents: new Map<string, number>(), versions: new Map<string, number>() };
}

function count(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function labelOf({ schema, name }: { readonly schema: string; readonly name: string }): string {
  return schema === "public" ? name : `${schema}.${name}`;
}

/** How many of the first are not in the second, each counted as often as it is there. */
function surplus(first: ReadonlyMap<string, number>, second: ReadonlyMap<string, number>): number {
  let sum = 0;
  for (const [content, count] of first) sum += Math.max(0, count - (second.get(content) ?? 0));
  return sum;
}
