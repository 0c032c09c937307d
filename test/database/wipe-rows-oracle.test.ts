import { expect, test } from "vitest";
import { formatName, quoteIdentifier, quoteLiteral, quoteName } from "../../src/db/identifier.js";
import type { Connection, Database } from "../../src/db/pool.js";
import { codeOf } from "../../src/db/sqlstate.js";
import { deleteListed } from "../../src/wipe/rows-delete.js";
import { listedRows, listRows } from "../../src/wipe/rows-list.js";
import { type RowWipePlan, readRowBasis, readRowPlan } from "../../src/wipe/rows-plan.js";
import { createScratchDatabase, serverNames } from "../support/postgres.js";
import { rowsOf } from "../support/wipe-rows.js";
import { buildGraph, type Graph, pick, seededRandom } from "../support/wipe-rows-graph.js";

/** 60 in the normal run; a long one sets another number. */
const graphCount = Number(process.env["ROOMCTL_TEST_ROW_GRAPHS"] ?? 60);

test.each(serverNames)(
  "on %s the plan of random graphs is what the same DELETE really does, and so is the deletion",
  async (server) => {
    await using scratch = await createScratchDatabase({ server });
    await using database = await scratch.open();
    await using connection = await database.connect();
    const seen: Seen = { cascades: 0, detached: 0, blocked: 0, free: 0, refused: 0 };
    for (let seed = 1; seed <= graphCount; seed += 1) {
      await connection.execute("BEGIN");
      await compare(connection, database, { seed, seen });
      await connection.execute("ROLLBACK");
    }
    // The generator is worth something only while all of this happens.
    const { refused: _rare, ...usual } = seen;
    expect(Math.min(...Object.values(usual)), JSON.stringify(seen)).toBeGreaterThan(graphCount / 10);
  },
);

type Seen = Record<"cascades" | "detached" | "blocked" | "free" | "refused", number>;

async function compare(
  connection: Connection,
  database: Database,
  { seed, seen }: { readonly seed: number; readonly seen: Seen },
): Promise<void> {
  const random = seededRandom(seed);
  const graph = await buildGraph(connection, random);
  const chosen = [
    ...new Set([pick(graph.choosable, random), ...(random() < 0.4 ? [pick(graph.choosable, random)] : [])]),
  ];
  const condition = `id <= ${1 + Math.floor(random() * 12)}`;
  const request = rowsOf(chosen.map(quoteName), { where: condition });
  const deletion = `WITH ${chosen.map((name, index) => `d${index} AS (DELETE FROM ${quoteName(name)} WHERE ${condition})`).join(", ")} SELECT`;

  const basis = await readRowBasis(connection, database, request);
  let plan: RowWipePlan | undefined;
  const ours = await outcomeOf(connection, graph, async () => {
    await listRows(connection, basis);
    plan = await readRowPlan(connection, basis, { request, rows: listedRows });
    await deleteListed(connection, basis);
  });
  const forced = await outcomeOf(connection, graph, async () => {
    for (const { child, name, isFree, definition } of graph.keys) {
      if (isFree) continue;
      await connection.execute(`ALTER TABLE ${quoteName(child)} DROP CONSTRAINT ${quoteIdentifier(name)}`);
      await connection.execute(definition("CASCADE"));
    }
    await connection.execute(deletion);
  });
  const free = await outcomeOf(connection, graph, () => connection.execute(deletion));

  const label = `seed ${seed}`;
  if (!plan) throw new Error(`${label}: no plan`);
  // Step by step, a row may be put back to a default that goes too, or to nothing that its key allows, and be refused
  // before it would have gone itself. Ours takes all that go first.
  const isOrdered = graph.keys.some(({ action }) => /^SET/.test(action));
  if (forced.refused === undefined || ours.refused !== undefined || !isOrdered) expect(ours, label).toEqual(forced);
  if (ours.refused === undefined) {
    expect(plannedRows(plan, graph), label).toEqual(ours.deleted);
    expect(plannedChanges(plan), label).toEqual(ours.changed);
  }
  const isBlocked = plan.cascades.some(({ needsConsent }) => needsConsent);
  if (isBlocked) expect(free.refused, label).toMatch(/^23/);
  // A RESTRICT may refuse before another foreign key cascades; ours takes both at once.
  else if (free.refused === undefined || (!isOrdered && !graph.keys.some(({ action }) => action === "RESTRICT"))) {
    expect(free, label).toEqual(ours);
    seen.free += 1;
  }
  seen.cascades += Number(plan.cascades.length > 0);
  seen.detached += Number(plan.detached.length > 0);
  seen.blocked += Number(isBlocked);
  seen.refused += Number(ours.refused !== undefined);
}

interface Outcome {
  /** The SQLSTATE, where the server would not. */
  readonly refused?: string;
  readonly deleted: Readonly<Record<string, number>>;
  /** Rows that stay with another reference, by its last column. */
  readonly changed: Readonly<Record<string, number>>;
}

/** What the work did, which is then undone. */
async function outcomeOf(connection: Connection, graph: Graph, work: () => Promise<unknown>): Promise<Outcome> {
  const before = await readRows(connection, graph);
  await connection.execute("SAVEPOINT work");
  try {
    await work();
    await connection.execute("SET CONSTRAINTS ALL IMMEDIATE");
  } catch (error) {
    await connection.execute("ROLLBACK TO work");
    const cause = error instanceof Error && error.cause !== undefined ? error.cause : error;
    if (!codeOf(cause)?.startsWith("23")) throw error;
    return { refused: codeOf(cause), deleted: {}, changed: {} };
  }
  const after = await readRows(connection, graph);
  await connection.execute("ROLLBACK TO work");
  const deleted: Record<string, number> = {};
  const changed: Record<string, number> = {};
  for (const [key, { table, row }] of before) {
    const now = after.get(key)?.row;
    if (!now) deleted[table] = (deleted[table] ?? 0) + 1;
    for (const { columns } of now ? graph.keys : []) {
      const last = columns.at(-1) ?? "";
      if (columns.some((column) => row[column] !== now?.[column])) changed[last] = (changed[last] ?? 0) + 1;
    }
  }
  return { deleted, changed };
}

interface FoundRow {
  readonly key: string;
  readonly table: string;
  readonly row: Readonly<Record<string, unknown>>;
}

async function readRows(connection: Connection, { tables }: Graph): Promise<ReadonlyMap<string, FoundRow>> {
  const reads = tables.map((table) => {
    const name = quoteLiteral(formatName(table));
    const isOwn = `one.tableoid = ${quoteLiteral(quoteName(table))}::regclass OR (SELECT relispartition FROM pg_class WHERE oid = one.tableoid)`;
    return `SELECT one.tableoid || '/' || one.id AS key, ${name} AS table, to_jsonb(one) AS row FROM ${quoteName(table)} AS one WHERE ${isOwn}`;
  });
  const rows = await connection.query<FoundRow>(reads.join(" UNION ALL "));
  return new Map(rows.map((row) => [row.key, row]));
}

function plannedRows({ tables, cascades }: RowWipePlan, { rootOf }: Graph): Readonly<Record<string, number>> {
  const planned: Record<string, number> = {};
  for (const { table, rows } of [...tables, ...cascades]) {
    const root = rootOf.get(table) ?? table;
    if (rows > 0) planned[root] = (planned[root] ?? 0) + rows;
  }
  return planned;
}

function plannedChanges({ detached }: RowWipePlan): Readonly<Record<string, number>> {
  const planned: Record<string, number> = {};
  for (const { columns, rows } of detached) {
    const last = columns.at(-1) ?? "";
    planned[last] = (planned[last] ?? 0) + rows;
  }
  return planned;
}
