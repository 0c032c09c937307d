import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { ParsedStatement } from "../migrate/parse.js";

/** What a transaction wrote so far, by the server's own counters. */
export interface Writes {
  /** Rows inserted, updated and deleted in tables of the app, those that a subtransaction took back among them. */
  readonly rows: number;
  /** The same in the catalog. None means that the schema is the same, without looking at it. */
  readonly catalog: number;
}

/** Reads the counters of the transaction that is open. */
export async function readWrites(connection: Connection): Promise<Writes> {
  const found = await connection.query<{ isCatalog: boolean; writes: number }>(loadStatement("prove/writes"));
  const sum = (isCatalog: boolean) =>
    found.filter((row) => row.isCatalog === isCatalog).reduce((total, { writes }) => total + writes, 0);
  return { rows: sum(false), catalog: sum(true) };
}

/** False where there is nothing but definitions: those do not move sequences that were there before. */
export function mayMoveSequences(statements: readonly ParsedStatement[]): boolean {
  return statements.some(
    ({ node, text }) =>
      node === undefined || movers.some((kind) => kind in node) || /\b(?:nextval|setval)\b/i.test(text),
  );
}

const movers = [
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
  "AlterSeqStmt",
];

/** From here on, what the open transaction takes from sequences is rolled back with it. */
export async function ownSequences(connection: Connection): Promise<void> {
  await connection.execute(loadStatement("prove/own-sequences"));
}

/** Takes a number from each sequence, as an app does between two runs. None is at its end after `ownSequences`. */
export async function useSequences(connection: Connection): Promise<void> {
  await connection.query(loadStatement("prove/use-sequences"));
}
