import { readTableFingerprint } from "../backup/fingerprint.js";
import type { ManifestTable } from "../backup/manifest.js";
import { applyReadSettings } from "../backup/settings.js";
import type { SoundBackup } from "../backup/verify.js";
import type { Clock } from "../core/clock.js";
import { RoomctlError } from "../core/errors.js";
import { formatName, type QualifiedName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection, Database } from "../db/pool.js";
import { codeOf } from "../db/sqlstate.js";
import { withTransaction } from "../db/transaction.js";
import { checkOf, describeTable } from "./check.js";
import { chooseTables } from "./choice.js";
import { loadTable } from "./load.js";

export interface LookOptions {
  readonly backup: SoundBackup;
  /** A schema that does not exist yet. */
  readonly schema: string;
  /** All of the app's unless told. */
  readonly tables?: readonly QualifiedName[];
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

export interface LookResult {
  readonly backup: string;
  readonly schema: string;
  readonly tables: readonly (QualifiedName & { readonly rows: number; readonly from: QualifiedName })[];
  readonly rows: number;
  readonly durationMs: number;
}

/** The tables that a look is at, by the backup. Throws E_UNKNOWN_TABLE, E_USAGE for two tables of one name. */
export function planLook(
  { manifest }: SoundBackup,
  names: readonly QualifiedName[] | undefined,
): readonly ManifestTable[] {
  const tables = chooseTables(manifest, names);
  for (const table of tables) {
    const twin = tables.find((other) => other.name === table.name && other.schema !== table.schema);
    if (twin === undefined) continue;
    throw new RoomctlError("E_USAGE", `${formatName(table)} and ${formatName(twin)} would have one name`, {
      hint: "choose one of them with --table, and look at the other in a schema of its own",
    });
  }
  return tables;
}

/**
 * Puts the rows of a backup into plain tables of a new schema, beside those of the database: columns and types, nothing
 * else. In one transaction, which commits only what equals the backup. Throws E_NOT_EMPTY when the schema is there,
 * E_SCHEMA when the database lacks a type, E_BACKUP_DAMAGED.
 */
export async function restoreLook(database: Database, options: LookOptions): Promise<LookResult> {
  const { backup, schema, clock } = options;
  const tables = planLook(backup, options.tables);
  const startedMs = clock.monotonicMs();
  await withTransaction(database, {}, async (connection) => {
    await applyReadSettings(connection, "transaction");
    await createSchema(connection, schema);
    for (const [done, table] of tables.entries()) {
      options.onProgress?.({ message: `loading ${formatName(table)}`, done, total: tables.length });
      await lookAt(connection, table, options);
    }
  });
  return {
    backup: backup.manifest.id,
    schema,
    tables: tables.map(({ schema: from, name, rows }) => ({ schema, name, rows, from: { schema: from, name } })),
    rows: tables.reduce((sum, { rows }) => sum + rows, 0),
    durationMs: clock.monotonicMs() - startedMs,
  };
}

async function createSchema(connection: Connection, schema: string): Promise<void> {
  try {
    await connection.execute(`CREATE SCHEMA ${quoteIdentifier(schema)}`);
  } catch (cause) {
    if (codeOf(cause) !== "42P06") throw cause;
    throw new RoomctlError("E_NOT_EMPTY", `there is a schema ${JSON.stringify(schema)} already`, {
      cause,
      hint: "choose another name: --schema-into NAME",
    });
  }
}

async function lookAt(connection: Connection, table: ManifestTable, options: LookOptions): Promise<void> {
  const { backup, schema, signal } = options;
  const into = { schema, name: table.name };
  const columns = table.columns.map(({ name, type }) => `${quoteIdentifier(name)} ${type}`).join(", ");
  try {
    await connection.execute(`CREATE TABLE ${quoteName(into)} (${columns})`);
  } catch (cause) {
    if (codeOf(cause) !== "42704") throw cause;
    throw new RoomctlError("E_SCHEMA", `this database cannot hold ${formatName(table)}: a type of it is missing`, {
      cause,
      hint: "look at other tables with --table, or restore into a database of its own: --new-database NAME",
    });
  }
  try {
    await loadTable(connection, table, { stored: backup.stored, signal, into });
  } catch (error) {
    // The session may still be waiting for rows; ending it rolls everything back.
    connection.discard();
    throw error;
  }
  const check = checkOf(table, await readTableFingerprint(connection, { ...table, ...into }));
  if (check.isEqual) return;
  throw new RoomctlError("E_BACKUP_DAMAGED", `${describeTable(check)}; nothing was kept`, {
    hint: "compare both servers' versions and settings",
  });
}
