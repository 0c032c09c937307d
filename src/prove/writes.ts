import type { ParsedStatement } from "../db/parse.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { Script } from "../migrate/script.js";

/** What a session wrote so far, by the server's own counters and the full name of the table. */
export interface Counters {
  readonly tables: Readonly<Record<string, Counter>>;
  /** Null when the transaction that is open wrote nothing at all. */
  readonly transactionId: string | null;
}

interface Counter {
  /** Rows inserted, updated and deleted, those that a subtransaction took back among them. */
  readonly written: number;
  /** Rows inserted without those deleted. */
  readonly growth: number;
}

/** What was written between two looks at the counters. */
export interface Writes {
  /** Rows of the app's tables. */
  readonly rows: number;
  /** The same in the catalog. None means that the schema is the same, without looking at it. */
  readonly catalog: number;
  /** Full names of the tables, of the catalog too. */
  readonly relations: readonly string[];
  /** True when each of them has as many rows as before, if no subtransaction took any back. */
  readonly isLevel: boolean;
  readonly transactionId: string | null;
}

/** Reads the counters of the session. */
export async function readCounters(connection: Connection): Promise<Counters> {
  return countersIn(await connection.query(countersText()));
}

/** The same, for `runTogether`. */
export function countersText(): string {
  return loadStatement("prove/writes");
}

/** The one row that `countersText` gives. */
export function countersIn(rows: readonly object[] | undefined): Counters {
  return { tables: {}, transactionId: null, ...rows?.[0] };
}

/** What was written from the first look to the second. */
export function writesBetween(before: Counters, { tables, transactionId }: Counters): Writes {
  const changed = Object.entries(tables)
    .map(([name, { written, growth }]) => {
      const old = before.tables[name] ?? { written: 0, growth: 0 };
      return { name, written: written - old.written, growth: growth - old.growth };
    })
    .filter(({ written }) => written > 0);
  const sum = (isCatalog: boolean) =>
    changed
      .filter(({ name }) => name.startsWith("pg_catalog.") === isCatalog)
      .reduce((total, { written }) => total + written, 0);
  return {
    rows: sum(false),
    catalog: sum(true),
    relations: changed.map(({ name }) => name),
    isLevel: changed.every(({ growth }) => growth === 0),
    transactionId,
  };
}

/** The files that the app's tables are in, as one value: a table that is truncated or rewritten counts no rows. */
export async function readFiles(connection: Connection): Promise<string> {
  const [row] = await connection.query<{ files: string }>(loadStatement("prove/files"));
  return row?.files ?? "";
}

/** False where there is nothing but definitions: those do not move sequences that were there before. */
export function mayMoveSequences({ statements }: { readonly statements: readonly ParsedStatement[] }): boolean {
  return statements.some((statement) => mayWriteRows(statement) || movesSequence(statement));
}

/** True when a script may do something to rows that are there: not where it only defines things. */
export function mayTouchRows({ statements }: Script): boolean {
  return statements.some((statement) => mayWriteRows(statement) || changesType(statement) || dropsTable(statement));
}

/** True for what writes rows or calls functions, which may. */
function mayWriteRows({ node }: ParsedStatement): boolean {
  return node === undefined || rowWriters.some((kind) => kind in node);
}

function movesSequence({ node, text }: ParsedStatement): boolean {
  return (node !== undefined && "AlterSeqStmt" in node) || /\b(?:nextval|setval)\b/i.test(text);
}

/** ALTER COLUMN … TYPE … USING gives every row another value. */
function changesType({ node }: ParsedStatement): boolean {
  if (node === undefined || !("AlterTableStmt" in node)) return false;
  const parts = node.AlterTableStmt.cmds ?? [];
  return parts.some((part) => "AlterTableCmd" in part && part.AlterTableCmd.subtype === "AT_AlterColumnType");
}

function dropsTable({ node }: ParsedStatement): boolean {
  return node !== undefined && "DropStmt" in node && node.DropStmt.removeType === "OBJECT_TABLE";
}

const rowWriters = [
  "SelectStmt",
  "InsertStmt",
  "UpdateStmt",
  "DeleteStmt",
  "MergeStmt",
  "DoStmt",
  "CallStmt",
  "CopyStmt",
  "ExecuteStmt",
  "TruncateStmt",
  "CreateTableAsStmt",
  "RefreshMatViewStmt",
];

/** From here on, what the open transaction takes from sequences is rolled back with it; for `runTogether`. */
export function ownSequencesTexts(script: Parameters<typeof mayMoveSequences>[0]): readonly string[] {
  return mayMoveSequences(script) ? [loadStatement("prove/own-sequences")] : [];
}

/** Takes a number from each sequence, as an app does between two runs. None is at its end after `ownSequencesTexts`. */
export function useSequencesTexts(script: Script): readonly string[] {
  return mayMoveSequences(script) ? [...ownSequencesTexts(script), loadStatement("prove/use-sequences")] : [];
}
