import { readTableFingerprint } from "../backup/fingerprint.js";
import type { RowsFingerprint } from "../backup/manifest.js";
import { RoomctlError } from "../core/errors.js";
import { formatName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { checkOf, describeTable } from "./check.js";
import type { UndoneTable } from "./undo-outcome.js";
import type { StagedTable } from "./undo-stage.js";
import { sameKey, type UndoTable } from "./undo-tables.js";

/** Fingerprints of tables whose rows nothing tells apart, from before their rows came back; by `quoteName`. */
export type Before = ReadonlyMap<string, RowsFingerprint>;

/** Only tables without a key need it: of the others, the very rows can be read again. */
export async function readBefore(connection: Connection, tables: readonly StagedTable[]): Promise<Before> {
  const before = new Map<string, RowsFingerprint>();
  for (const { entry, key, isDeleted } of tables) {
    if (isDeleted && !key) before.set(quoteName(entry), await readTableFingerprint(connection, entry));
  }
  return before;
}

/** Throws E_BACKUP_DAMAGED unless a table that was empty holds exactly what the backup does. */
export async function proveLoaded(connection: Connection, { entry }: UndoTable): Promise<void> {
  const check = checkOf(entry, await readTableFingerprint(connection, entry));
  if (!check.isEqual) throw unproven(describeTable(check));
}

/**
 * Throws E_BACKUP_DAMAGED unless the staged rows are those of the backup, the rows that came back, or were there, are equal
 * to them by fingerprint, and changed columns hold their old values.
 */
export async function proveStaged(
  connection: Connection,
  table: StagedTable,
  outcome: UndoneTable,
  before: Before,
): Promise<void> {
  const { entry, stage, verdict, isDeleted } = table;
  const staged = checkOf(entry, await readTableFingerprint(connection, { ...entry, chosenRows: stage }));
  if (!staged.isEqual) throw unproven(describeTable(staged));
  if (outcome.changedBack > 0) await proveChanged(connection, table);
  if (!isDeleted) return;
  const isBack = table.key ? `${verdict} IN ('restore', 'present', 'change')` : `${verdict} = 'restore'`;
  const chosenRows = `(SELECT * FROM ${stage} WHERE ${isBack}) AS wanted`;
  const wanted = await readTableFingerprint(connection, { ...entry, chosenRows });
  const found = await readBack(connection, table, before);
  if (wanted.rows === found.rows && wanted.fingerprint === found.fingerprint) return;
  throw unproven(`${formatName(entry)} got ${found.rows} rows instead of ${wanted.rows} back, or other values`);
}

/** What came back, as the table holds it: its rows of these keys, or by how much the whole table has grown. */
async function readBack(
  connection: Connection,
  { entry, stage, verdict, key }: StagedTable,
  before: Before,
): Promise<RowsFingerprint> {
  if (key) {
    const isBack = `s.${verdict} IN ('restore', 'present', 'change')`;
    const chosenRows = `(SELECT t.* FROM ONLY ${quoteName(entry)} AS t JOIN ${stage} AS s ON ${sameKey(key, "s", "t")} WHERE ${isBack}) AS back`;
    return readTableFingerprint(connection, { ...entry, chosenRows });
  }
  const then = before.get(quoteName(entry)) ?? { rows: 0, fingerprint: "0" };
  const now = await readTableFingerprint(connection, entry);
  const grown = BigInt.asUintN(64, BigInt(now.fingerprint) - BigInt(then.fingerprint));
  return { rows: now.rows - then.rows, fingerprint: String(grown) };
}

async function proveChanged(
  connection: Connection,
  { entry, stage, verdict, key, groups }: StagedTable,
): Promise<void> {
  if (!key) return;
  const columns = groups.flatMap((group) => group.columns.map(({ name }) => quoteIdentifier(name)));
  const row = (alias: string) => `ROW(${columns.map((name) => `${alias}.${name}`).join(", ")})::record`;
  const [wrong] = await connection.query<{ rows: number }>(
    `SELECT count(*)::float8 AS rows FROM ${stage} AS s LEFT JOIN ONLY ${quoteName(entry)} AS t ON ${sameKey(key, "s", "t")}
      WHERE s.${verdict} = 'change' AND (${row("s")} OPERATOR(pg_catalog.*=) ${row("t")}) IS NOT TRUE`,
  );
  if (wrong?.rows === 0) return;
  throw unproven(`${wrong?.rows} rows of ${formatName(entry)} did not get their old values of ${columns.join(", ")}`);
}

function unproven(what: string): RoomctlError {
  return new RoomctlError("E_BACKUP_DAMAGED", `nothing was changed: ${what}`, {
    hint: "look for triggers that fire ALWAYS, and compare column types and server settings with those of the wipe",
  });
}
