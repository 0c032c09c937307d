import { readSelectable, type SelectedTable } from "../backup/selection.js";
import { RoomctlError } from "../core/errors.js";
import { formatName, isSameName, type QualifiedName, quoteName } from "../db/identifier.js";
import type { Connection, Queryable } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import type { RestorePlan } from "./plan.js";

type Emptied = QualifiedName & { readonly rows: number };

/**
 * Throws E_NOT_EMPTY when tables that are not restored refer to those that would be emptied: `deleteReplaced` would find
 * out as well, but only after a consent and a backup.
 */
export async function assertReplaceable(
  queryable: Queryable,
  wanted: readonly QualifiedName[],
  replaced: readonly Emptied[],
  present: readonly SelectedTable[],
): Promise<void> {
  if (replaced.length === 0) return;
  const roots = coveredRoots(present, wanted);
  const emptied = present.filter((table) => [...wanted, ...roots].some((name) => isSameName(name, table)));
  const oids = emptied.map(({ oid }) => oid);
  const referrers = await queryable.query<QualifiedName>(loadStatement("restore/referrers"), [oids]);
  if (referrers.length > 0) throw referred(replaced, `: ${referrers.map(formatName).join(", ")}`);
}

/**
 * Empties the plan's tables where some of them hold the rows that it replaces. All of them in one TRUNCATE, because it
 * refuses a table that another one refers to; with a partitioned table only where every partition is the plan's.
 * Never with CASCADE: a table that is not the plan's keeps its rows, or the restore ends with E_NOT_EMPTY.
 */
export async function deleteReplaced(connection: Connection, plan: RestorePlan): Promise<void> {
  if (plan.replaced.length === 0) return;
  const roots = coveredRoots(await readSelectable(connection), plan.tables).map(quoteName);
  const names = [...plan.tables.map((table) => `ONLY ${quoteName(table)}`), ...roots];
  try {
    await connection.execute(`TRUNCATE ${names.join(", ")} RESTRICT`);
  } catch (error) {
    if (codeOf(error) !== sqlstate.featureNotSupported) throw error;
    throw referred(plan.replaced, "", error);
  }
}

function referred(replaced: readonly Emptied[], referrers: string, cause?: unknown): RoomctlError {
  const held = replaced.map((table) => `${formatName(table)} (${table.rows} rows)`).join(", ");
  return new RoomctlError(
    "E_NOT_EMPTY",
    `tables that are not restored refer to ${held}, which cannot be emptied without them${referrers}`,
    { cause, hint: "restore the whole backup, or these tables as well with --table" },
  );
}

/** Partitioned tables of which every partition is wanted. */
function coveredRoots(present: readonly SelectedTable[], wanted: readonly QualifiedName[]): readonly SelectedTable[] {
  return present
    .filter(({ kind }) => kind === "partitioned")
    .filter((root) => {
      const below = present.filter(({ ancestors }) => ancestors.some((ancestor) => isSameName(ancestor, root)));
      const leaves = below.filter(({ kind }) => kind !== "partitioned");
      return leaves.length > 0 && leaves.every((leaf) => wanted.some((name) => isSameName(name, leaf)));
    });
}
