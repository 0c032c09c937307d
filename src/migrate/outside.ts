import { createHash, type Hash } from "node:crypto";
import { sha256 } from "../core/digest.js";
import { RoomctlError } from "../core/errors.js";
import { formatName } from "../db/identifier.js";
import type { ParsedStatement, Parser } from "../db/parse.js";
import type { Connection } from "../db/pool.js";
import { codeOf, sqlstate } from "../db/sqlstate.js";
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
  /** Of the texts of the statements that are done. */
  hash?: Hash;
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
    doneChecksum: checksumNow(run, index),
    beforeStatement: null,
  };
  if (runsAlone(statement, run.parser) || !(await runInside(run, statement, done))) {
    await runAlone(run, index, statement);
    await note(run, done);
  }
  run.progress = done;
}

/** False when the server refuses it in a transaction, which the parser cannot always know (REINDEX of a partitioned table). */
async function runInside(
  { connection, migration }: OutsideRun,
  statement: ParsedStatement,
  done: Progress,
): Promise<boolean> {
  await connection.execute("BEGIN");
  try {
    await connection.query(statement.text);
  } catch (error) {
    const code = codeOf(error);
    if (code !== sqlstate.activeSqlTransaction && code !== sqlstate.invalidTransactionTermination) throw error;
    await connection.execute("ROLLBACK");
    return false;
  }
  await connection.execute(asOurselves);
  await noteProgress(connection, migration, done);
  await connection.execute("COMMIT");
  return true;
}

/** Whatever role the file is in: until COMMIT only. */
const asOurselves = "SET LOCAL SESSION AUTHORIZATION DEFAULT; SET LOCAL role TO DEFAULT";

async function note({ connection, migration }: OutsideRun, progress: Progress): Promise<void> {
  await connection.execute(`BEGIN READ WRITE; ${asOurselves}`);
  await noteProgress(connection, migration, progress);
  await connection.execute("COMMIT");
}

/** SHA-256 of the first statements' texts: a try that goes on after them must not find them changed. */
export function checksumOfDone(script: Script, count: number): string {
  return hashOfDone(script, count).digest("hex");
}

function hashOfDone({ statements }: Script, count: number): Hash {
  const hash = createHash("sha256");
  for (const [index, { text }] of statements.slice(0, count).entries()) hash.update(index === 0 ? text : `;\n${text}`);
  return hash;
}

/** The same up to and with statement number `index`, going on from the one before: a file may hold thousands. */
function checksumNow(run: OutsideRun, index: number): string {
  run.hash ??= hashOfDone(run.script, index);
  const text = run.script.statements[index]?.text ?? "";
  run.hash.update(index === 0 ? text : `;\n${text}`);
  return run.hash.copy().digest("hex");
}

/** CALL may commit, and a statement that the parser does not know may be anything. */
function runsAlone(statement: ParsedStatement, parser: Parser): boolean {
  const { node } = statement;
  return node === undefined || "CallStmt" in node || needsNoTransaction(statement, parser);
}

/** What stood before a statement that cannot be undone, kept in its run. */
interface Footing {
  /** SHA-256 of the statement: another one did not do what this one began. */
  readonly statement: string;
  /** It ended with an error: it is not done, whatever the catalog looks like. */
  readonly hasFailed?: boolean;
  /** What it is to change is not yet so: only then it can be found done. */
  readonly isOpen?: boolean;
  readonly tableIndexes?: readonly number[];
  readonly invalidIndexes?: readonly number[];
}

async function runAlone(run: OutsideRun, index: number, statement: ParsedStatement): Promise<void> {
  const { connection, progress } = run;
  const before = progress.statementReached === index + 1 ? footingOf(progress.beforeStatement, statement) : undefined;
  if (before && (await settle(connection, statement, before))) return;
  await repairInvalidIndex(connection, statement);
  const footing = await readFooting(connection, statement);
  run.progress = { ...progress, statementReached: index + 1, beforeStatement: footing };
  await note(run, run.progress);
  try {
    await (waitsWithoutBlocking(statement)
      ? withoutLockTimeout(run, () => connection.query(statement.text))
      : connection.query(statement.text));
  } catch (error) {
    if (codeOf(error) !== undefined) await cleanUp(run, statement, { ...footing, hasFailed: true });
    throw error;
  }
  await assertValid(connection, statement);
}

async function readFooting(connection: Connection, statement: ParsedStatement): Promise<Footing> {
  const text = sha256(statement.text);
  const build = concurrentBuildOf(statement);
  if (build) return { statement: text, tableIndexes: await readIndexOids(connection, build) };
  if (isReindex(statement)) return { statement: text, invalidIndexes: await readInvalidOids(connection) };
  return { statement: text, isOpen: !(await isDone(connection, statement)) };
}

/** The footing that was kept for this very statement, if there is one. */
function footingOf(value: unknown, { text }: ParsedStatement): Footing | undefined {
  const field = (name: string): unknown =>
    typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
  const numbers = (list: unknown) => (Array.isArray(list) ? { list: list.map(Number) } : undefined);
  if (field("statement") !== sha256(text)) return undefined;
  return {
    statement: sha256(text),
    hasFailed: field("hasFailed") === true,
    isOpen: field("isOpen") === true,
    tableIndexes: numbers(field("tableIndexes"))?.list,
    invalidIndexes: numbers(field("invalidIndexes"))?.list,
  };
}

/** Those that let others work while they wait. */
function waitsWithoutBlocking(statement: ParsedStatement): boolean {
  const { node } = statement;
  return node !== undefined && ["IndexStmt", "DropStmt", "AlterTableStmt", "ReindexStmt"].some((kind) => kind in node);
}

/** Ends what an interrupted statement left. True when it had done its work, and only nobody noted it. */
async function settle(connection: Connection, statement: ParsedStatement, before: Footing): Promise<boolean> {
  const build = concurrentBuildOf(statement);
  const { tableIndexes, invalidIndexes, isOpen, hasFailed } = before;
  const found = build && tableIndexes ? await settleBuild(connection, build, tableIndexes) : false;
  if (invalidIndexes) await settleReindex(connection, invalidIndexes);
  if (hasFailed) return false;
  return found || (isOpen === true && (await isDone(connection, statement)));
}

/** After a failure, as far as it can be done: the next try does it again. */
async function cleanUp(run: OutsideRun, statement: ParsedStatement, footing: Footing): Promise<void> {
  const { connection, lockTimeout } = run;
  run.progress = { ...run.progress, beforeStatement: footing };
  try {
    await note(run, run.progress);
    await connection.query("SELECT set_config('lock_timeout', $1, false)", [lockTimeout]);
    await settle(connection, statement, footing);
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

function isSetting({ node, text }: ParsedStatement): boolean {
  if (node === undefined) return false;
  if ("SelectStmt" in node) return /\bset_config\b/i.test(text);
  return "VariableSetStmt" in node || "LoadStmt" in node || "ListenStmt" in node;
}

function isReindex({ node }: ParsedStatement): boolean {
  return node !== undefined && "ReindexStmt" in node;
}
