import { RoomctlError } from "../core/errors.js";
import { formatName, type QualifiedName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { Connection, Queryable } from "../db/pool.js";
import { type Change, compareHoldings, type Holdings, type LossCause, readHoldings } from "./holdings.js";

/** Something that undoing a migration takes away, and how much is in it now. */
export interface DataLoss {
  readonly migration: string;
  readonly kind: "table" | "column" | "rows" | "values";
  readonly cause: LossCause;
  /** As people write it. */
  readonly table: string;
  /** The one that is dropped or gets another type. */
  readonly column: string | null;
  /** Rows of the table, rows with a value in the column, or rows that are deleted or updated. */
  readonly rows: number;
  readonly tableOid: number;
}

/** A change as a loss, by what the table held at the start; undefined for what was only made since then. */
export async function measureChange(
  queryable: Queryable,
  start: Holdings,
  { migration, ...change }: Change & { readonly migration: string },
): Promise<DataLoss | undefined> {
  const table = start.get(change.oid);
  const column = table?.columns.find(({ number }) => number === change.columnNumber)?.name ?? null;
  if (table === undefined || (change.columnNumber !== undefined && column === null)) return undefined;
  const rows = change.touchedRows ?? (await countValues(queryable, table, column));
  const { cause } = change;
  return { migration, kind: kindOf(change), cause, table: formatName(table), column, rows, tableOid: change.oid };
}

/**
 * Throws E_PLAN_STALE when a loss is not in what was agreed to, or is larger than there: one row that was agreed to does
 * not become many.
 */
export function assertNoFurtherLoss(agreed: readonly DataLoss[], now: readonly DataLoss[]): void {
  const agreedRows = new Map(agreed.map((loss) => [lossKey(loss), loss.rows]));
  for (const loss of now) {
    const rows = agreedRows.get(lossKey(loss)) ?? 0;
    if (loss.rows > rows) throw furtherLoss(loss, loss.rows, rows);
  }
}

/**
 * Holds what is about to be dropped, rewritten or truncated against what was agreed to, under a lock that lets nobody
 * add to it. Runs in the transaction that takes it away. Throws E_PLAN_STALE.
 */
export async function assertHeldAsAgreed(connection: Connection, agreed: readonly DataLoss[]): Promise<void> {
  const counted = agreed.filter(({ cause }) => cause !== "delete" && cause !== "update");
  if (counted.length === 0) return;
  const giveBack = await showAllRows(connection);
  for (const loss of counted) {
    const name = await findTable(connection, loss.tableOid);
    if (name === undefined) continue;
    await connection.execute(`LOCK TABLE ${quoteName(name)} IN ACCESS EXCLUSIVE MODE`);
    const rows = await countValues(connection, name, loss.column);
    if (rows > loss.rows) throw furtherLoss(loss, rows, loss.rows);
  }
  await giveBack();
}

export interface AgreedLoss {
  /** What this migration may take away. */
  readonly agreed: readonly DataLoss[];
  /** The tables of the plan: what an earlier step made is no loss. */
  readonly planned: Holdings;
}

/** Holds what the statements did since `before` against what was agreed to, before it is committed. Throws E_PLAN_STALE. */
export async function assertDoneAsAgreed(
  connection: Connection,
  before: Holdings,
  { agreed, planned }: AgreedLoss,
): Promise<void> {
  const changes = await compareHoldings(connection, before, await readHoldings(connection));
  for (const change of changes) {
    const { oid, cause, columnNumber, touchedRows = 0 } = change;
    const table = planned.get(oid);
    const column = table?.columns.find(({ number }) => number === columnNumber)?.name ?? null;
    if (table === undefined || (columnNumber !== undefined && column === null)) continue;
    const known = agreed.find((loss) => loss.tableOid === oid && loss.cause === cause && loss.column === column);
    if (known !== undefined && touchedRows <= known.rows) continue;
    throw furtherLoss({ cause, table: formatName(table), column }, touchedRows, known?.rows ?? 0);
  }
}

/** Lets counts see every row or fail, for as long as `row_security` is not given back; for the rest of the transaction at most. */
export async function showAllRows(connection: Connection): Promise<() => Promise<void>> {
  const [row] = await connection.query<{ before: string }>("SELECT current_setting('row_security') AS before");
  const set = async (value: string | undefined) => {
    await connection.query("SELECT set_config('row_security', $1, true)", [value]);
  };
  await set("off");
  return () => set(row?.before);
}

function kindOf({ cause, columnNumber }: Pick<Change, "cause" | "columnNumber">): DataLoss["kind"] {
  if (cause === "drop") return columnNumber === undefined ? "table" : "column";
  return cause === "retype" || cause === "update" ? "values" : "rows";
}

function lossKey({ migration, cause, tableOid, column }: DataLoss): string {
  return JSON.stringify([migration, cause, tableOid, column]);
}

/** Two counts, unless both are 0: then it is the dropping itself that was not planned. */
function furtherLoss(
  { cause, table, column }: Pick<DataLoss, "cause" | "table" | "column">,
  rows: number,
  agreedRows: number,
): RoomctlError {
  const what = column === null ? table : `${table}.${column}`;
  const verb = {
    drop: "dropped",
    retype: "given another type",
    truncate: "emptied",
    delete: "deleted",
    update: "updated",
  };
  const count = rows === 0 ? "" : `, with ${rows} ${column === null ? "rows" : "values"} instead of ${agreedRows}`;
  return new RoomctlError("E_PLAN_STALE", `nothing was changed: ${what} would now be ${verb[cause]}${count}`, {
    hint: "look again with: roomctl migrate down --dry-run",
  });
}

async function findTable(queryable: Queryable, oid: number): Promise<QualifiedName | undefined> {
  const [name] = await queryable.query<QualifiedName>(
    "SELECT nspname AS schema, relname AS name FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace WHERE pg_class.oid = $1",
    [oid],
  );
  return name;
}

async function countValues(queryable: Queryable, table: QualifiedName, column: string | null): Promise<number> {
  const what = column === null ? "*" : quoteIdentifier(column);
  const [row] = await queryable.query<{ count: number }>(
    `SELECT count(${what})::float8 AS count FROM ${quoteName(table)}`,
  );
  return row?.count ?? 0;
}
