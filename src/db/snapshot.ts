import { sha256 } from "../core/digest.js";
import type { Connection, Database } from "./pool.js";
import { loadStatement } from "./statement.js";

/** A schema as text: one line per object, `kind name` → definition, sorted. Equal schemas of one major have equal lines. */
export type SchemaSnapshot = Readonly<Record<string, string>>;

export interface SnapshotOptions {
  /** Only these schemas; all of the app's unless told. */
  readonly schemas?: readonly string[];
}

/**
 * Reads what the catalog says of the app's objects: schemas, extensions, types, tables, columns, constraints, indexes,
 * sequences, views, functions, triggers, policies and comments. Left out are the system's, extensions' and roomctl's own.
 * On a connection it sees what the transaction there has done. Column order counts; names that PostgreSQL makes up do too.
 */
export async function readSchemaSnapshot(
  source: Database | Connection,
  options: SnapshotOptions = {},
): Promise<SchemaSnapshot> {
  if ("connect" in source) {
    await using connection = await source.connect();
    return await readWithFixedPath(connection, options);
  }
  return readWithFixedPath(source, options);
}

/** One value that stands for a whole schema. Only comparable within a major version, which words definitions alike. */
export function schemaFingerprint(snapshot: SchemaSnapshot): string {
  return sha256(snapshotLines(snapshot).join("\n"));
}

/** The lines of a snapshot, as they are kept in a file. */
export function snapshotLines(snapshot: SchemaSnapshot): readonly string[] {
  return Object.entries(snapshot).map(([key, definition]) => `${key}: ${definition.replaceAll("\n", "\\n")}`);
}

/** What differs between two snapshots, line by line: `-` only in the first, `+` only in the second. */
export function compareSnapshots(first: SchemaSnapshot, second: SchemaSnapshot): readonly string[] {
  const keys = [...new Set([...Object.keys(first), ...Object.keys(second)])].sort();
  return keys.flatMap((key) => {
    if (first[key] === second[key]) return [];
    return [
      ...(first[key] === undefined ? [] : [`- ${key}: ${first[key]}`]),
      ...(second[key] === undefined ? [] : [`+ ${key}: ${second[key]}`]),
    ];
  });
}

/** The server leaves out schema names that are on the search path, so it must be the same every time. */
async function readWithFixedPath(connection: Connection, options: SnapshotOptions): Promise<SchemaSnapshot> {
  const [before] = await connection.query<{ path: string }>("SELECT current_setting('search_path') AS path");
  await connection.query("SELECT set_config('search_path', 'pg_catalog', false)");
  const rows = await connection.query<{ key: string; definition: string }>(loadStatement("db/snapshot"), [
    options.schemas ?? null,
  ]);
  await connection.query("SELECT set_config('search_path', $1, false)", [before?.path]);
  const entries = rows.map(({ key, definition }): [string, string] => [key, definition]);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
