import type { ParsedStatement } from "../db/parse.js";
import type { Connection } from "../db/pool.js";
import { codeOf } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import { isServersTrouble } from "../migrate/failure.js";
import type { Script } from "../migrate/script.js";
import { mayLeaveState } from "../migrate/session-state.js";

/** Where a script ended early: the server refused the statement. */
export interface Stop {
  readonly statement: ParsedStatement;
  readonly error: unknown;
}

type AfterEach = (statement: ParsedStatement) => Promise<void>;

/** Runs a script as the runner does: in one transaction, or each statement by itself; then begins a new session. */
export async function runWhole(
  connection: Connection,
  script: Script,
  afterEach?: AfterEach,
): Promise<Stop | undefined> {
  const { statements, isTransactional } = script;
  if (isTransactional) await connection.execute("BEGIN");
  const stop = await runStatements(connection, statements, afterEach);
  const atEnd = isTransactional ? await end(connection, statements, stop) : stop;
  await newSessionAfter(connection, script);
  return atEnd;
}

/** Runs statements as they come, in the transaction that is open or each by itself. */
export async function runStatements(
  connection: Connection,
  statements: readonly ParsedStatement[],
  afterEach?: AfterEach,
): Promise<Stop | undefined> {
  for (const statement of statements) {
    const error = await refusalOf(connection.query(statement.text));
    if (error !== undefined) return { statement, error };
    await afterEach?.(statement);
  }
  return undefined;
}

/**
 * Runs statements in one round trip and returns the rows of each; undefined when the server refused one of them. Only in a
 * transaction, which is lost then, to its last savepoint or as a whole.
 */
export async function runTogether(
  connection: Connection,
  texts: readonly string[],
): Promise<readonly (readonly object[])[] | undefined> {
  let rows: readonly (readonly object[])[] | undefined;
  // On a line of its own, since the last line of a statement may be a comment.
  const work = connection.queryEach(texts.join("\n;\n")).then((found) => {
    rows = found;
  });
  return (await refusalOf(work)) === undefined ? rows : undefined;
}

/** What the statements of a script say, for `runTogether`. */
export function textsOf(statements: readonly ParsedStatement[]): readonly string[] {
  return statements.map(({ text }) => text);
}

/** What the server refused, or undefined when it did not. Throws what is not its answer: a lost session, an abort. */
export async function refusalOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    const severity: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "severity") : undefined;
    if (severity === "ERROR" && codeOf(error) !== undefined && !isServersTrouble(error)) return error;
    throw error;
  }
}

/** What comes up at the latest at COMMIT. */
export const checkDeferred = "SET CONSTRAINTS ALL IMMEDIATE";

/** Not inside of a transaction. Without jit, which only slows the catalog's queries. */
export function newSession(connection: Connection): Promise<void> {
  return connection.reset({ jit: "off" });
}

/** The same where one of the scripts may have left something. */
export async function newSessionAfter(connection: Connection, ...scripts: readonly Script[]): Promise<void> {
  if (scripts.some(mayLeaveState)) await newSession(connection);
}

/** The same inside of a transaction, for `runTogether`. */
export function newSessionTexts(script: Script): readonly string[] {
  return mayLeaveState(script) ? [loadStatement("prove/new-session")] : [];
}

/** What is deferred comes up at COMMIT, and belongs to the last statement then. */
async function end(
  connection: Connection,
  statements: readonly ParsedStatement[],
  stop: Stop | undefined,
): Promise<Stop | undefined> {
  if (stop === undefined) {
    const error = await refusalOf(connection.execute("COMMIT"));
    const statement = statements.at(-1);
    return error === undefined || statement === undefined ? undefined : { statement, error };
  }
  await connection.execute("ROLLBACK");
  return stop;
}
