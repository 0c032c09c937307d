import { messageOf, RoomctlError } from "../core/errors.js";
import { describeStatement, type StatementDescription } from "../db/describe.js";
import { quoteIdentifier } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import type { ScratchDatabase } from "../db/scratch.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import { isServersTrouble } from "../migrate/failure.js";
import { type PlannedWrite, readWrites } from "./plan.js";
import type { CompatQuery } from "./queries.js";

/** What PostgreSQL says of a query under one schema, without running it. */
export type QueryOutcome = WorkingQuery | FailingQuery;

export interface WorkingQuery {
  readonly works: true;
  /** Of $1, $2 …, with their schema where it is not pg_catalog. */
  readonly parameterTypes: readonly string[];
  readonly columns: readonly { readonly name: string; readonly type: string }[];
  readonly writes: readonly PlannedWrite[];
  /** Parameters whose type nothing in the query says; they were taken as text. */
  readonly assumedText: readonly number[];
}

export interface FailingQuery {
  readonly works: false;
  /** Null for what has no SQLSTATE. */
  readonly sqlState: string | null;
  readonly message: string;
}

/** A table of one schema, and what it asks of rows. */
export interface TableFacts {
  readonly schema: string;
  readonly name: string;
  /** In the order of the plans' output lists, dropped ones included. */
  readonly columns: readonly TableColumn[];
  readonly checks: readonly TableCheck[];
  /** A BEFORE INSERT trigger may fill in what a query leaves out. */
  readonly hasFillingTrigger: boolean;
}

interface TableColumn {
  readonly name: string;
  readonly isDropped: boolean;
  /** NOT NULL, and not computed. */
  readonly isRequired: boolean;
  readonly hasDefault: boolean;
}

interface TableCheck {
  /** `CHECK`, `foreign key`, `trigger`, `NOT NULL` … */
  readonly kind: string;
  readonly name: string;
  readonly definition: string;
}

/** All queries under one schema, in their order, and its tables. */
export interface Recording {
  readonly outcomes: readonly QueryOutcome[];
  readonly tables: readonly TableFacts[];
}

export interface RecordOptions {
  /** As for SET search_path; the database's own unless told. */
  readonly searchPath?: string;
  /** Whose rights the queries have; the scratch server's own unless told, which may do all. */
  readonly role?: string;
  readonly signal?: AbortSignal;
}

/** How long the planning of one query may take. */
const statementTimeoutMs = 30_000;

/** Prepares and plans every query in a new session that may not write. */
export async function recordQueries(
  scratch: ScratchDatabase,
  queries: readonly CompatQuery[],
  { searchPath, role, signal }: RecordOptions,
): Promise<Recording> {
  await using database = await scratch.open({ maxConnections: 1, statementTimeoutMs });
  await using connection = await database.connect();
  await connection.execute("SET default_transaction_read_only = on");
  if (searchPath !== undefined) await connection.query("SELECT set_config('search_path', $1, false)", [searchPath]);
  if (role !== undefined) await assumeRole(connection, role);
  const attempts: Attempt[] = [];
  for (const query of queries) {
    signal?.throwIfAborted();
    attempts.push(await tryQuery(connection, query));
  }
  await connection.query("SELECT set_config('search_path', '', false)");
  const tables = await connection.query<TableFacts>(loadStatement("compat/tables"));
  return { outcomes: await nameTypes(connection, attempts), tables };
}

/** Planning as a role needs its rights. The role is one that the migrations name: no other exists on a scratch server. */
async function assumeRole(connection: Connection, role: string): Promise<void> {
  const known = await connection.query("SELECT FROM pg_catalog.pg_roles WHERE rolname = $1", [role]);
  if (known.length === 0) {
    throw new RoomctlError("E_USAGE", `no migration up to the old state names a role ${JSON.stringify(role)}`, {
      hint: "leave --role out where rights are not given by migrations: they are then not checked",
    });
  }
  await connection.execute(`SET ROLE ${quoteIdentifier(role)}`);
}

type Attempt = FailingQuery | (Omit<WorkingQuery, "parameterTypes" | "columns"> & StatementDescription);

async function tryQuery(connection: Connection, query: CompatQuery): Promise<Attempt> {
  const assumedText: number[] = [];
  for (;;) {
    const sql = withText(query, assumedText);
    try {
      const description = await describeStatement(connection, sql);
      const rows = await connection.query<{ "QUERY PLAN": unknown }>(
        `EXPLAIN (GENERIC_PLAN, VERBOSE, COSTS OFF, FORMAT JSON) ${sql}`,
      );
      const writes = readWrites(rows[0]?.["QUERY PLAN"], query.node);
      return { works: true, ...description, writes, assumedText };
    } catch (error) {
      if (isServersTrouble(error)) throw error;
      const unknown = undeterminedParameter(error);
      if (unknown === undefined || assumedText.includes(unknown)) {
        return { works: false, sqlState: codeOf(error) ?? null, message: messageOf(error) };
      }
      assumedText.push(unknown);
    }
  }
}

/** `could not determine data type of parameter $1`, in any language. */
function undeterminedParameter(error: unknown): number | undefined {
  if (codeOf(error) !== sqlstate.indeterminateDatatype) return undefined;
  const digits = /\$(\d+)/.exec(messageOf(error))?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** The query with a cast to text behind these parameters. */
function withText({ sql, parameters }: CompatQuery, numbers: readonly number[]): string {
  const places = parameters.filter(({ number }) => numbers.includes(number)).sort((a, b) => b.offset - a.offset);
  return places.reduce((text, { number, offset }) => {
    const end = offset + `$${number}`.length;
    return `${text.slice(0, end)}::text${text.slice(end)}`;
  }, sql);
}

async function nameTypes(connection: Connection, attempts: readonly Attempt[]): Promise<readonly QueryOutcome[]> {
  const oids = attempts.flatMap((attempt) =>
    attempt.works ? [...attempt.parameterTypeOids, ...attempt.columns.map(({ typeOid }) => typeOid)] : [],
  );
  const rows = await connection.query<{ oid: number; name: string }>(loadStatement("compat/types"), [
    [...new Set(oids)],
  ]);
  const names = new Map(rows.map(({ oid, name }) => [oid, name]));
  const nameOf = (oid: number) => names.get(oid) ?? `type ${oid}`;
  return attempts.map((attempt) => {
    if (!attempt.works) return attempt;
    const { parameterTypeOids, columns, writes, assumedText } = attempt;
    return {
      works: true,
      parameterTypes: parameterTypeOids.map(nameOf),
      columns: columns.map(({ name, typeOid }) => ({ name, type: nameOf(typeOid) })),
      writes,
      assumedText,
    };
  });
}
