import { applyReadSettings } from "../backup/settings.js";
import type { Clock } from "../core/clock.js";
import { RoomctlError } from "../core/errors.js";
import { formatName, isSameName, parseName, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { loadTable } from "./load.js";
import { decideLoad } from "./plan.js";
import type { RestoredSequence } from "./sequences.js";
import { withObstaclesAside } from "./suspend.js";
import type { FoundWipe } from "./undo-find.js";
import { judgeRows } from "./undo-judge.js";
import { assertNothingInTheWay, assertStillEmpty, loadedTable, readOutcome, type UndoneTable } from "./undo-outcome.js";
import { type Before, proveLoaded, proveStaged, readBefore } from "./undo-prove.js";
import { changeRows, insertRows } from "./undo-put-back.js";
import { undoSequences } from "./undo-sequences.js";
import { type StagedTable, stageTable } from "./undo-stage.js";
import type { UndoGround, UndoTable } from "./undo-tables.js";

export interface UndoOptions {
  /** Bring back what has room, into tables that hold rows, and report the rest as conflicts. */
  readonly merges: boolean;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
  /** How long to wait for another run that changes this database to end; 0 unless told. */
  readonly lockWaitMs?: number;
  /** How long one try waits for each lock. */
  readonly lockTimeoutMs?: number;
}

export interface UndoWork {
  readonly ground: UndoGround;
  readonly found: FoundWipe;
  readonly options: UndoOptions;
}

export interface SettledUndo {
  /** Empty tables that get all of their rows, parents before children. */
  readonly loaded: readonly UndoTable[];
  readonly staged: readonly StagedTable[];
  readonly tables: readonly UndoneTable[];
}

/**
 * Stages what has to be staged, and decides row by row what comes back, without touching a table of the app. Throws
 * E_NOT_EMPTY when something is in the way and the options do not say to merge.
 */
export async function settleUndo(connection: Connection, work: UndoWork): Promise<SettledUndo> {
  const { ground, found, options } = work;
  const { record, backup, receipt } = found;
  const whole = wholeTables(ground, found, options);
  await assertStillEmpty(connection, receipt, await findFilled(connection, whole));
  await connection.execute("SET LOCAL search_path TO DEFAULT");
  const staged: StagedTable[] = [];
  for (const table of ground.tables.filter((one) => !whole.includes(one))) {
    options.onProgress?.({ message: `comparing ${formatName(table.entry)}` });
    staged.push(await stageTable(connection, table, staged.length + 1, { backup, signal: options.signal }));
  }
  const restored = record.undos.flatMap((undo) => undo.restored.map((name) => quoteName(parseName(name))));
  await judgeRows(connection, staged, {
    kind: record.kind,
    restoredBefore: new Set(restored),
    loaded: whole.map(({ entry }) => entry),
  });
  const tables = whole.map(loadedTable);
  for (const table of staged) tables.push(await readOutcome(connection, table));
  if (!options.merges) assertNothingInTheWay(receipt, tables);
  return { loaded: whole, staged, tables };
}

/** Tables that the wipe emptied, which get all of their rows at once; a merge looks at each row. */
export function wholeTables(
  { tables }: UndoGround,
  { record }: FoundWipe,
  { merges }: Pick<UndoOptions, "merges">,
): readonly UndoTable[] {
  return merges || record.kind === "rows" ? [] : tables.filter(({ isDeleted }) => isDeleted);
}

async function findFilled(connection: Connection, tables: readonly UndoTable[]): Promise<readonly UndoTable[]> {
  const filled: UndoTable[] = [];
  for (const table of tables) {
    const [row] = await connection.query<{ filled: boolean }>(
      `SELECT EXISTS (SELECT FROM ONLY ${quoteName(table.entry)}) AS filled`,
    );
    if (row?.filled) filled.push(table);
  }
  return filled;
}

/** Puts rows, values and sequences back, and proves them equal to the backup. Throws E_BACKUP_DAMAGED, E_NOT_EMPTY. */
export async function putBack(
  connection: Connection,
  work: UndoWork,
  settled: SettledUndo,
): Promise<readonly RestoredSequence[]> {
  const { ground, found, options } = work;
  const { manifest } = found.backup;
  await applyReadSettings(connection, "transaction");
  const before = await readBefore(connection, settled.staged);
  const obstacles = await readAside(connection, work, settled);
  try {
    await withObstaclesAside(connection, obstacles, () => fill(connection, work, settled, obstacles.tables));
  } catch (error) {
    throw orphaned(error, found.receipt);
  }
  await applyReadSettings(connection, "transaction");
  const sequences = await undoSequences(connection, ground.sequences, manifest);
  options.onProgress?.({ message: "comparing with the backup" });
  await prove(connection, settled, before);
  return sequences;
}

type Aside = Parameters<typeof withObstaclesAside>[1];

/** Foreign keys and NOT VALID constraints only where rows are inserted; triggers also where values change. */
async function readAside(connection: Connection, { ground, found }: UndoWork, settled: SettledUndo): Promise<Aside> {
  const inserted = [...settled.loaded, ...settled.staged].filter(({ isDeleted }) => isDeleted);
  const changed = settled.staged.filter(({ isDeleted }) => !isDeleted);
  const entries = (tables: readonly UndoTable[]) => tables.map(({ entry }) => entry);
  const load = await decideLoad(connection, entries(inserted), ground.present);
  const { pausedTriggers } = await decideLoad(connection, entries(changed), ground.present);
  return { ...load, backup: found.receipt, pausedTriggers: [...load.pausedTriggers, ...pausedTriggers] };
}

/** Parents first; values last, since they may refer to rows that come back. */
async function fill(
  connection: Connection,
  { found, options }: UndoWork,
  { loaded, staged, tables }: SettledUndo,
  order: Aside["tables"],
): Promise<void> {
  const outcomeOf = (table: UndoTable) =>
    tables.find((one) => one.table === formatName(table.entry)) ?? loadedTable(table);
  for (const [done, name] of order.entries()) {
    options.onProgress?.({ message: `bringing back ${formatName(name)}`, done, total: order.length });
    const whole = loaded.find(({ entry }) => isSameName(entry, name));
    const some = staged.find(({ entry }) => isSameName(entry, name));
    if (whole) await load(connection, whole, found, options);
    if (some) await insertRows(connection, some, outcomeOf(some));
  }
  for (const table of staged) await changeRows(connection, table, outcomeOf(table));
}

async function load(connection: Connection, { entry }: UndoTable, { backup }: FoundWipe, { signal }: UndoOptions) {
  try {
    await loadTable(connection, entry, { stored: backup.stored, signal });
  } catch (error) {
    // The session may still be waiting for rows; ending it rolls everything back.
    connection.discard();
    throw error;
  }
}

async function prove(connection: Connection, { loaded, staged, tables }: SettledUndo, before: Before): Promise<void> {
  for (const table of loaded) await proveLoaded(connection, table);
  for (const table of staged) {
    const outcome = tables.find((one) => one.table === formatName(table.entry));
    if (outcome) await proveStaged(connection, table, outcome, before);
  }
}

/** What rows refer to is gone since the wipe; a merge leaves those rows out, and says which. */
function orphaned(error: unknown, receipt: string): unknown {
  const cause = error instanceof RoomctlError ? error.cause : error;
  if (codeOf(cause) !== sqlstate.foreignKeyViolation || !(cause instanceof Error)) return error;
  const [table, constraint] = ["table", "constraint"].map((key) => String(Reflect.get(cause, key)));
  return new RoomctlError(
    "E_NOT_EMPTY",
    `nothing was changed: rows of ${table} refer to rows that are gone since the wipe (${constraint})`,
    { cause, hint: `bring back the others: roomctl wipe undo ${receipt} --merge` },
  );
}
