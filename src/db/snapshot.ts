import { sha256 } from "../core/digest.js";
import { keepSettings } from "./kept-settings.js";
import type { Connection, Database } from "./pool.js";
import { rareCatalogsStatement, snapshotCatalogs, snapshotStatement } from "./snapshot-statement.js";
import { loadStatement } from "./statement.js";

/** A schema as text: one line per object, `kind name` → definition, sorted. Equal schemas of one major have equal lines. */
export type SchemaSnapshot = Readonly<Record<string, string>>;

export interface SnapshotOptions {
  /** Only these schemas, and nothing that has none; all of the app's unless told. */
  readonly schemas?: readonly string[];
  /**
   * Roles that are written as `<migrator>`, so that two databases compare that different roles migrated. The owner of
   * roomctl's history unless told, or where there is none the role that reads.
   */
  readonly migrators?: readonly string[];
  /** System catalogs to leave out although they may be read, as another reading had to. */
  readonly leftOut?: readonly string[];
}

/** One fact of a schema. */
export interface SchemaFact {
  /** Unique: `column public.users 003 email`, `privileges on table public.users to reader`. */
  readonly key: string;
  readonly definition: string;
  /** The table that it is part of, or the object that it is itself; null for what stands alone. */
  readonly belongs: string | null;
  /** What the definition says, in pieces: of columns, owners, privileges and comments. */
  readonly facts: Readonly<Record<string, string | number | null | undefined>> | null;
}

export interface SchemaReading {
  readonly facts: readonly SchemaFact[];
  /** System catalogs, or parts of them, that this role may not read: what they would say is missing. */
  readonly unread: readonly string[];
  /** As in `server_version_num`. */
  readonly serverVersion: number;
}

/**
 * Reads what the catalog says of the app's objects: see docs/drift.md for the list. Left out are the system's, extensions'
 * and roomctl's own. On a connection it sees what the transaction there has done. Column order counts; names that
 * PostgreSQL makes up do too. Needs no superuser. Passwords and their like are never read.
 */
export async function readSchemaSnapshot(
  source: Database | Connection,
  options: SnapshotOptions = {},
): Promise<SchemaSnapshot> {
  return snapshotOf(await readSchema(source, options));
}

/** The same with what belongs to what, and what could not be read. */
export async function readSchema(source: Database | Connection, options: SnapshotOptions = {}): Promise<SchemaReading> {
  if ("connect" in source) {
    await using connection = await source.connect();
    return await readWithFixedSettings(connection, options);
  }
  return readWithFixedSettings(source, options);
}

/** The lines of a reading. */
export function snapshotOf({ facts }: SchemaReading): SchemaSnapshot {
  return Object.fromEntries(facts.map(({ key, definition }) => [key, definition]));
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

/** What the session says of itself before anything is read. */
interface Session {
  readonly version: number;
  readonly readable: readonly string[];
  readonly hasHiddenOptions: boolean;
  /** Settings as they were, in the order of `fixedSettings`. */
  readonly before: readonly string[];
}

/**
 * The server leaves out schema names that are on the search path, and quotes as it is told, so both must be the same every
 * time. Compiling a statement that runs for milliseconds would take longer than the statement.
 */
const fixedSettings = { search_path: "pg_catalog", quote_all_identifiers: "off", jit: "off" };

async function readWithFixedSettings(connection: Connection, options: SnapshotOptions): Promise<SchemaReading> {
  const names = Object.keys(fixedSettings);
  const [session] = await connection.query<Session>(loadStatement("db/snapshot-session"), [
    snapshotCatalogs(),
    names,
    Object.values(fixedSettings),
  ]);
  const { version = 0, readable = [], before = [], hasHiddenOptions = false } = session ?? {};
  const wanted = readable.filter((catalog) => !options.leftOut?.includes(catalog));
  return keepSettings(connection, { names, values: before }, async () => {
    const [rare] = await connection.query<{ used: readonly string[] }>(rareCatalogsStatement(wanted));
    const { sql, leftOut } = snapshotStatement({ version, readable: wanted, used: rare?.used ?? [] });
    const facts = await connection.query<SchemaFact>(sql, [options.schemas ?? null, options.migrators ?? null]);
    return {
      facts: [...facts].sort((a, b) => (a.key < b.key ? -1 : 1)),
      unread: [...leftOut, ...(hasHiddenOptions ? ["options of user mappings"] : [])],
      serverVersion: version,
    };
  });
}
