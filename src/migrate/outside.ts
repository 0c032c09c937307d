import { sha256 } from "../core/digest.js";
import { RoomctlError } from "../core/errors.js";
import { formatName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import {
  concurrentBuildOf,
  findInvalid,
  readIndexOids,
  readInvalidOids,
  repairInvalidIndex,
  settleBuild,
  settleReindex,
} from "./concurrent-index.js";
import { isDone } from "./interrupted.js";
import type { ParsedStatement, Parser } from "./parse.js";
import { noteProgress, type Progress } from "./run-log.js";
import type { Script } from "./script.js";
import { needsNoTransaction } from "./transaction-mode.js";

/** One try to run a script outside of a transaction, statement by statement. */
export interface OutsideRun {
  readonly connection: Connection;
  readonly migration: string;
  readonly script: Script;
  readonly parser: Parser;
  /** The lock_timeout that the session began with. */
  readonly lockTimeout: string;
  /** Where an earlier try ended; kept up to date here, for the next one. */
  progress: Progress;
}

/**
 * Runs statement number `index` of a script outside of a transaction, or nothing when an earlier try did. One that can
 * run in a transaction is noted as done in its own, so it runs exactly once. One that cannot is noted before and after:
 * killed in between, the next try looks at what it left.
 */
export async function runOutside(run: OutsideRun, index: number): Promise<void> {
  const statement = run.script.statements[index];
  if (statement === undefined) return;
  if (index < run.progress.statementsDone) {
    // Done for good, but what it set ended with the session of the earlier try.
    if (isSetting(statement)) await run.connection.query(statement.text);
    return;
  }
  const done: Progress = {
    statementReached: index + 1,
    statementsDone: index + 1,
    doneChecksum: checksumOfDone(run.script, index + 1),
    beforeStatement: null,
  };
  if (runsAlone(statement, run.parser)) {
    await runAlone(run, index, statement);
    await noteProgress(run.connection, run.migration, done);
  } else {
    await run.connection.execute("BEGIN");
    await run.connection.query(statement.text);
    await noteProgress(run.connection, run.migration, done);
    await run.connection.execute("COMMIT");
  }
  run.progress = done;
}

/** SHA-256 of the first statements' texts: a try that goes on after them must not find them changed. */
export function checksumOfDone({ statements }: Script, count: number): string {
  return sha256(
    statements
      .slice(0, count)
      .map(({ text }) => text)
      .join(";\n"),
  );
}

/** CALL may commit, and a statement that the parser does not know may be anything. */
function runsAlone(statement: ParsedStatement, parser: Parser): boolean {
  const { node } = statement;
  return node === undefined || "CallStmt" in node || needsNoTransaction(statement, parser);
}

/** What stood before a statement that cannot be undone, kept in its run. */
type Footing = { readonly tableIndexes: readonly number[] } | { readonly invalidIndexes: readonly number[] };

async function runAlone(run: OutsideRun, index: number, statement: ParsedStatement): Promise<void> {
  const { connection, progress } = run;
  const wasReached = progress.statementReached === index + 1;
  if (wasReached && (await settle(connection, statement, progress.beforeStatement))) return;
  await repairInvalidIndex(connection, statement);
  const footing = await readFooting(connection, statement);
  run.progress = { ...progress, statementReached: index + 1, beforeStatement: footing };
  await noteProgress(connection, run.migration, run.progress);
  try {
    await withoutLockTimeout(run, () => connection.query(statement.text));
  } catch (error) {
    await cleanUp(run, statement, footing);
    throw error;
  }
  await assertValid(connection, statement);
}

async function readFooting(connection: Connection, statement: ParsedStatement): Promise<Footing | null> {
  const build = concurrentBuildOf(statement);
  if (build) return { tableIndexes: await readIndexOids(connection, build) };
  return isReindex(statement) ? { invalidIndexes: await readInvalidOids(connection) } : null;
}

/** Ends what an interrupted statement left. True when it had done its work, and only nobody noted it. */
async function settle(connection: Connection, statement: ParsedStatement, before: unknown): Promise<boolean> {
  const build = concurrentBuildOf(statement);
  const tableIndexes = numbersIn(before, "tableIndexes");
  if (build) return tableIndexes !== undefined && (await settleBuild(connection, build, tableIndexes));
  const invalidIndexes = numbersIn(before, "invalidIndexes");
  if (invalidIndexes) await settleReindex(connection, invalidIndexes);
  return isDone(connection, statement);
}

/** After a failure, as far as it can be done: the next try does it again. */
async function cleanUp(
  { connection, lockTimeout }: OutsideRun,
  statement: ParsedStatement,
  footing: Footing | null,
): Promise<void> {
  try {
    await connection.query("SELECT set_config('lock_timeout', $1, false)", [lockTimeout]);
    if (footing) await settle(connection, statement, footing);
  } catch {
    // The session is gone, or the locks do not come: the failure itself is what to report.
  }
}

async function assertValid(connection: Connection, statement: ParsedStatement): Promise<void> {
  const build = concurrentBuildOf(statement);
  const invalid = build && (await findInvalid(connection, build));
  if (invalid === undefined) return;
  throw new RoomctlError("E_MIGRATION_FAILED", `the index ${formatName(invalid)} is invalid after its build`, {
    hint: "run it again: roomctl migrate drops an invalid index and builds it anew",
  });
}

/**
 * A concurrent build waits for the transactions that were there before it, and blocks nobody meanwhile: cutting that wait
 * short would only leave an invalid index. A file that sets a lock_timeout of its own is taken at its word.
 */
async function withoutLockTimeout(
  { connection, lockTimeout }: OutsideRun,
  work: () => Promise<unknown>,
): Promise<void> {
  const [row] = await connection.query<{ now: string }>("SELECT current_setting('lock_timeout') AS now");
  if (row?.now !== lockTimeout) {
    await work();
    return;
  }
  await connection.query("SELECT set_config('lock_timeout', '0', false)");
  await work();
  await connection.query("SELECT set_config('lock_timeout', $1, false)", [lockTimeout]);
}

function isSetting({ node }: ParsedStatement): boolean {
  return node !== undefined && ("VariableSetStmt" in node || "LoadStmt" in node || "ListenStmt" in node);
}

function isReindex({ node }: ParsedStatement): boolean {
  return node !== undefined && "ReindexStmt" in node;
}

function numbersIn(value: unknown, field: string): readonly number[] | undefined {
  const list: unknown = typeof value === "object" && value !== null ? Reflect.get(value, field) : undefined;
  return Array.isArray(list) ? list.map(Number) : undefined;
}
