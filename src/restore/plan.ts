import { readSource } from "../backup/contents.js";
import { readTableFingerprint } from "../backup/fingerprint.js";
import type { Manifest, ManifestMigration, ManifestTable, RowsFingerprint } from "../backup/manifest.js";
import { readSelectable, type SelectedTable } from "../backup/selection.js";
import { applyReadSettings } from "../backup/settings.js";
import type { SoundBackup } from "../backup/verify.js";
import { digestOf } from "../core/digest.js";
import { RoomctlError } from "../core/errors.js";
import { formatName, type QualifiedName, quoteName } from "../db/identifier.js";
import type { Connection, Database, Queryable } from "../db/pool.js";
import { countRows, readSequences } from "../db/schema.js";
import { withTransaction } from "../db/transaction.js";
import { assertComplete, chooseTables, isFed, ownSchema, presentSequences } from "./choice.js";
import { assertFits } from "./fit.js";
import { loadOrder } from "./load-order.js";
import { readObstacles, type SuspendedConstraint, type TriggerState } from "./obstacles.js";
import { assertReplaceable } from "./replace.js";

export interface RestoreOptions {
  /** Only these tables; a partitioned or parent table stands for its partitions and children. */
  readonly tables?: readonly QualifiedName[];
  /** Replace the rows that the tables hold: for a caller that has just made them, or that was told to and saves them. */
  readonly replacesRows?: boolean;
}

export interface RestorePlan {
  readonly backup: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** The database that is restored into. */
  readonly database: string;
  /** False when tables were chosen. */
  readonly isWhole: boolean;
  /** `empty`: there is no table of the app; `migrations` have to run, and the plan be made again, before it can be applied. */
  readonly target: "empty" | "migrated";
  readonly migrations: readonly ManifestMigration[];
  /** In the order of loading: parents before children. */
  readonly tables: readonly PlannedTable[];
  readonly rows: number;
  /** Rows that are in the way and are deleted first; never any unless `replacesRows` was asked for. */
  readonly replaced: readonly ReplacedRows[];
  readonly sequences: readonly QualifiedName[];
  /** Dropped for the load and added again as they were: they close a circle, or old rows may break them. */
  readonly suspendedConstraints: readonly SuspendedConstraint[];
  /** Do not fire for restored rows, and are put back as they were. */
  readonly pausedTriggers: readonly TriggerState[];
}

export interface PlannedTable extends QualifiedName {
  readonly rows: number;
  /** Of the stored files. */
  readonly sizeBytes: number;
  /** Tables that its foreign keys need and that are not restored with it. */
  readonly otherParents: readonly QualifiedName[];
}

interface ReplacedRows extends QualifiedName, RowsFingerprint {}

/**
 * Decides how a backup goes into a database; reads only. Throws E_UNKNOWN_TABLE for a table that the backup lacks,
 * E_SCHEMA where the database's tables cannot take its rows, E_NOT_EMPTY where they hold rows already, or where rows that
 * would be replaced are referred to by other tables.
 */
export async function planRestore(
  database: Database,
  backup: SoundBackup,
  options: RestoreOptions = {},
): Promise<RestorePlan> {
  return withTransaction(database, { isolation: "REPEATABLE READ", readOnly: true }, async (connection) => {
    await applyReadSettings(connection, "transaction");
    return decideRestore(connection, backup.manifest, options);
  });
}

/** The same decision on a session that has `applyReadSettings`: applying makes it again under its locks. */
export async function decideRestore(
  connection: Connection,
  manifest: Manifest,
  { tables: names, replacesRows = false }: RestoreOptions,
): Promise<RestorePlan> {
  const wanted = chooseTables(manifest, names);
  assertComplete(manifest, wanted);
  const source = await readSource(connection);
  const present = await readSelectable(connection);
  const base = {
    backup: manifest.id,
    createdAt: manifest.createdAt,
    database: source.database,
    isWhole: names === undefined,
    migrations: manifest.migrations,
    rows: wanted.reduce((sum, table) => sum + table.rows, 0),
  };
  const saved = manifest.sequences.filter(
    (sequence) => sequence.schema !== ownSchema && (names === undefined || isFed(wanted, sequence.feeds)),
  );
  const empty = { replaced: [], sequences: saved.map(nameOf), suspendedConstraints: [], pausedTriggers: [] };
  if (present.length === 0 && wanted.length > 0) {
    return { ...base, target: "empty", tables: wanted.map((table) => planned(table, [])), ...empty };
  }
  const sequences = presentSequences(await readSequences(connection), saved, wanted);
  assertFits({ manifest, wanted, saved, present, encoding: source.encoding, sequences });
  const filled = await findFilled(connection, wanted);
  if (!replacesRows) await refuseFilled(connection, filled);
  const replaced = await describeRows(connection, filled);
  await assertReplaceable(connection, wanted, replaced, present);
  return {
    ...base,
    target: "migrated",
    replaced,
    ...(await decideLoad(connection, wanted, present)),
    sequences: sequences.map(nameOf),
  };
}

async function findFilled(queryable: Queryable, tables: readonly ManifestTable[]): Promise<readonly ManifestTable[]> {
  const filled: ManifestTable[] = [];
  for (const table of tables) {
    const [row] = await queryable.query<{ filled: boolean }>(
      `SELECT EXISTS (SELECT FROM ONLY ${quoteName(table)}) AS filled`,
    );
    if (row?.filled) filled.push(table);
  }
  return filled;
}

/** Sixteen hex digits that stand for a plan and all that it rests on: server, database, tables, the rows that go. */
export async function readRestoreToken(database: Database, plan: RestorePlan): Promise<string> {
  const { systemIdentifier } = await readSource(database);
  return digestOf({ plan, systemIdentifier }).slice(0, 16);
}

async function refuseFilled(queryable: Queryable, filled: readonly ManifestTable[]): Promise<void> {
  if (filled.length === 0) return;
  const held: string[] = [];
  for (const table of filled) held.push(`${formatName(table)} (${await countRows(queryable, table)} rows)`);
  throw new RoomctlError("E_NOT_EMPTY", `a restore needs empty tables, and these hold rows: ${held.join(", ")}`, {
    hint: "restore into a new database (--new-database NAME), other tables (--table), or replace these rows (--replace), or empty them: roomctl wipe",
  });
}

/** With fingerprints, so that a row more, or another value, makes the plan stale. */
async function describeRows(
  connection: Connection,
  filled: readonly ManifestTable[],
): Promise<readonly ReplacedRows[]> {
  const described: ReplacedRows[] = [];
  for (const table of filled) {
    described.push({ ...nameOf(table), ...(await readTableFingerprint(connection, table)) });
  }
  return described;
}

/** In which order the tables can be filled, and what has to be set aside for it. */
export async function decideLoad(
  queryable: Queryable,
  wanted: readonly ManifestTable[],
  present: readonly SelectedTable[],
): Promise<Pick<RestorePlan, "tables" | "suspendedConstraints" | "pausedTriggers">> {
  const obstacles = await readObstacles(queryable, wanted, present);
  const { order, suspended } = loadOrder(wanted.map(quoteName), obstacles.references);
  const tables = order.flatMap((key) => wanted.filter((table) => quoteName(table) === key));
  return {
    tables: tables.map((table) => planned(table, obstacles.otherParents.get(quoteName(table)) ?? [])),
    suspendedConstraints: obstacles.constraints
      .filter((constraint) => !constraint.isValidated || suspended.has(constraint.key))
      .map(({ schema, table, name, definition, comment }) => ({ schema, table, name, definition, comment })),
    pausedTriggers: obstacles.triggers,
  };
}

function planned(table: ManifestTable, otherParents: readonly QualifiedName[]): PlannedTable {
  return { ...nameOf(table), rows: table.rows, sizeBytes: storedBytes(table), otherParents };
}

function storedBytes({ chunks }: ManifestTable): number {
  return chunks.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function nameOf({ schema, name }: QualifiedName): QualifiedName {
  return { schema, name };
}
