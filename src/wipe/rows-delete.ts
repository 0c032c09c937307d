import { messageOf, RoomctlError } from "../core/errors.js";
import { formatName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { codeOf } from "../db/sqlstate.js";
import type { Relation } from "./relations.js";
import type { RowClosure } from "./rows-closure.js";
import { listedRows } from "./rows-list.js";
import { unitExpression } from "./rows-reach.js";

export interface DeletedTable {
  readonly table: string;
  readonly rowsDeleted: number;
  /** Of those that were to go. */
  readonly rowsLeft: number;
}

/**
 * Deletes every listed row that goes, in one statement: what foreign keys do comes at its end, when all of them are gone,
 * so that no order and no cycle matters, RESTRICT finds nobody, and SET NULL changes only rows that stay. Then it proves
 * that each of them is gone and each of the others has changed. Throws E_SQL otherwise; the caller rolls back.
 */
export async function deleteListed(connection: Connection, closure: RowClosure): Promise<readonly DeletedTable[]> {
  const units = await readUnits(connection, closure);
  const deleted = await deleteUnits(connection, units);
  // What was put off to the end of the transaction runs now, while it can still be reported.
  await explained(() => connection.execute("SET CONSTRAINTS ALL IMMEDIATE"));
  for (const [unit, { goes, stays }] of units) {
    const gone = deleted.get(unit.oid) ?? 0;
    if (gone !== goes) throw kept(unit, goes - gone);
    const { left, unchanged } = await countLeft(connection, unit);
    if (left > 0) throw kept(unit, left);
    if (unchanged > 0) throw undone(unit, unchanged, stays);
  }
  return [...units].flatMap(([unit, { goes }]) =>
    goes > 0 ? [{ table: formatName(unit), rowsDeleted: goes, rowsLeft: 0 }] : [],
  );
}

interface Share {
  readonly goes: number;
  readonly stays: number;
}

async function readUnits(connection: Connection, { reach }: RowClosure): Promise<ReadonlyMap<Relation, Share>> {
  const rows = await connection.query<{ relation: number; goes: string; stays: string }>(
    `SELECT relation::int8::float8 AS relation,
            count(*) FILTER (WHERE part <> 'detached') AS goes, count(*) FILTER (WHERE part = 'detached') AS stays
       FROM ${listedRows} GROUP BY relation`,
  );
  const units = new Map<Relation, Share>();
  for (const unit of reach.units) {
    const own = rows.filter(({ relation }) => reach.unitOf.get(relation)?.oid === unit.oid);
    const sum = (value: (row: (typeof rows)[number]) => string) =>
      own.reduce((total, row) => total + Number(value(row)), 0);
    if (own.length > 0) units.set(unit, { goes: sum(({ goes }) => goes), stays: sum(({ stays }) => stays) });
  }
  return units;
}

async function deleteUnits(
  connection: Connection,
  units: ReadonlyMap<Relation, Share>,
): Promise<ReadonlyMap<number, number>> {
  const losing = [...units].filter(([, { goes }]) => goes > 0).map(([unit]) => unit);
  if (losing.length === 0) return new Map();
  const deletes = losing.map(
    (unit) =>
      `roomctl_gone_${unit.oid} AS (
         DELETE FROM ${unitExpression(unit)} AS doomed USING ${listedRows} AS listed
          WHERE ${isListed(unit, "doomed")} AND listed.part <> 'detached' RETURNING true)`,
  );
  const counts = losing.map(({ oid }) => `SELECT ${oid}::float8 AS oid, count(*) AS rows FROM roomctl_gone_${oid}`);
  const rows = await explained(() =>
    connection.query<{ oid: number; rows: string }>(`WITH ${deletes.join(", ")} ${counts.join(" UNION ALL ")}`),
  );
  return new Map(rows.map(({ oid, rows: count }) => [oid, Number(count)]));
}

async function countLeft(connection: Connection, unit: Relation) {
  const [row] = await connection.query<{ left: string; unchanged: string }>(
    `SELECT count(*) FILTER (WHERE listed.part <> 'detached') AS left,
            count(*) FILTER (WHERE listed.part = 'detached') AS unchanged
       FROM ${unitExpression(unit)} AS kept JOIN ${listedRows} AS listed ON ${isListed(unit, "kept")}`,
  );
  return { left: Number(row?.left), unchanged: Number(row?.unchanged) };
}

function isListed(unit: Relation, alias: string): string {
  const relation = unit.kind === "partitioned" ? `${alias}.tableoid` : `${unit.oid}::oid`;
  return `listed.relation = ${relation} AND listed.id = ${alias}.ctid`;
}

/** Classes 23 (integrity constraint violation), 27 (triggered data change) and P0 (a trigger said no). */
async function explained<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!/^(23|27|P0)/.test(codeOf(error) ?? "")) throw error;
    throw new RoomctlError("E_SQL", `nothing was deleted: the database refused it: ${messageOf(error)}`, {
      hint: "look for the constraint or the trigger that it names",
      cause: error,
    });
  }
}

function kept(unit: Relation, rows: number): RoomctlError {
  return new RoomctlError("E_SQL", `nothing was deleted: ${rows} of the rows of ${formatName(unit)} were not`, {
    hint: "look for a trigger on it that keeps rows from being deleted, or moves them",
  });
}

function undone(unit: Relation, unchanged: number, stays: number): RoomctlError {
  return new RoomctlError(
    "E_SQL",
    `nothing was deleted: ${unchanged} of ${stays} rows of ${formatName(unit)} kept a reference to a deleted row`,
    { hint: "look for a trigger on it that undoes what its foreign key does, or a foreign key whose triggers are off" },
  );
}
