import { RoomctlError } from "../core/errors.js";
import { formatName } from "../db/identifier.js";
import type { Connection, Database } from "../db/pool.js";
import { withTransaction } from "../db/transaction.js";
import { readEffects } from "./effects.js";
import { type Place, readPlace } from "./place.js";
import type { WipePlan } from "./plan.js";
import { readRelationGraph } from "./relations.js";
import { chooseRows, type RowApp, type RowChoice } from "./rows-choice.js";
import { closureQuery, type RowClosure } from "./rows-closure.js";
import { checkConditions, explainFailure } from "./rows-failure.js";
import { readRowForeignKeys } from "./rows-foreign-keys.js";
import { measureRows, type RowCascade, type RowCount } from "./rows-measure.js";
import { reachRows } from "./rows-reach.js";
import { isBookkeeping } from "./scope.js";
import { tokenOf } from "./token.js";

export interface RowWipeRequest extends RowChoice {
  readonly app: RowApp;
}

/** A plan to delete some rows. Sequences go on, nothing is reset, and sizes are estimates: the rows' share of their table. */
export interface RowWipePlan extends WipePlan {
  readonly kind: "rows";
  readonly cascades: readonly RowCascade[];
}

/** What a plan of rows and its execution both need to know of the database. */
export interface RowBasis extends RowClosure {
  readonly place: Place;
}

/**
 * Reads, in one snapshot, which rows a wipe by these conditions would delete and which would lose a reference, as
 * PostgreSQL's own DELETE would do it. Changes nothing, and a standby can answer it. No row is a plan too, of 0 rows.
 * Throws what `chooseRows` throws, E_USAGE for a condition that the server refuses, E_PRIVILEGE for rows that the role may
 * not read, and E_PROTECTED where the wipe could reach what must stay.
 */
export async function planRowWipe(database: Database, request: RowWipeRequest): Promise<RowWipePlan> {
  return withTransaction(database, { isolation: "REPEATABLE READ", readOnly: true }, async (connection) => {
    const basis = await readRowBasis(connection, database, request);
    return readRowPlan(connection, basis, { request, rows: `(${closureQuery(basis)})` });
  });
}

/** Reads the catalog, and checks the conditions with it. Rows that row security would hide are an error from here on. */
export async function readRowBasis(
  connection: Connection,
  database: Database,
  request: RowWipeRequest,
): Promise<RowBasis> {
  await connection.query("SELECT set_config('row_security', 'off', true)");
  const place = await readPlace(connection, database);
  const graph = await readRelationGraph(connection);
  const chosen = await chooseRows(request.app, request, graph);
  const foreignKeys = await readRowForeignKeys(connection);
  const reach = reachRows(
    graph,
    foreignKeys,
    chosen.map(({ oid }) => oid),
  );
  assertReachable(reach.leaves);
  const basis = { place, graph, chosen, reach };
  await checkConditions(connection, basis);
  return basis;
}

/** The plan by rows that a query (in brackets) or a table holds, as `closureQuery` returns them. */
export async function readRowPlan(
  connection: Connection,
  basis: RowBasis,
  { request, rows: source }: { readonly request: RowWipeRequest; readonly rows: string },
): Promise<RowWipePlan> {
  const { place, graph, chosen, reach } = basis;
  const counts = await explainFailure(() => readCounts(connection, source));
  const { tables, cascades, detached } = await measureRows(connection, basis, counts);
  const relations = [...new Set([...reach.units, ...reach.leaves].map(({ oid }) => oid))];
  const named = { scopes: request.conditions.subject ? [] : chosenScopes(request), namedTables: request.tables };
  const gone = [...tables, ...cascades];
  return {
    kind: "rows",
    ...place,
    ...named,
    tables,
    cascades,
    resets: [],
    detached,
    sequences: [],
    effects: await readEffects(connection, relations, "rows"),
    rows: gone.reduce((sum, { rows }) => sum + rows, 0),
    sizeBytes: gone.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    token: tokenOf({
      place,
      ...named,
      graph,
      relations,
      emptied: gone,
      resets: [],
      sequences: [],
      more: {
        chosen: chosen.map(({ oid, reason }) => [oid, reason]),
        foreignKeys: reach.foreignKeys.map(({ oid, onDelete, changedColumns }) => [oid, onDelete, changedColumns]),
        rows: counts,
      },
    }),
  };
}

async function readCounts(connection: Connection, source: string): Promise<readonly RowCount[]> {
  const counts = await connection.query<RowCount & { readonly rows: string }>(
    `SELECT relation::int8::float8 AS relation, part, via::float8 AS via, count(*) AS rows,
            bit_xor(hashtidextended(id, version))::text AS mark
       FROM ${source} AS listed
      GROUP BY relation, part, via
      ORDER BY relation, part, via`,
  );
  return counts.map((count) => ({ ...count, rows: Number(count.rows) }));
}

function chosenScopes({ app, scopes, tables }: RowWipeRequest): readonly string[] {
  if (scopes.length > 0 || tables.length > 0) return scopes;
  return app.scopes.some(({ name }) => name === "all") ? ["all"] : app.scopes.map(({ name }) => name);
}

function assertReachable(leaves: RowBasis["reach"]["leaves"]): void {
  for (const relation of leaves) {
    const name = formatName(relation);
    const why = isBookkeeping(relation)
      ? `rows of ${name} could go with them, and roomctl's own tables are never wiped`
      : relation.kind === "foreign"
        ? `the rows of the foreign table ${name} live on another server`
        : undefined;
    if (why === undefined) continue;
    throw new RoomctlError("E_PROTECTED", `nothing was changed: ${why}`, { hint: "choose other tables" });
  }
}
