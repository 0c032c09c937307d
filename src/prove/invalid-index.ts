import type { ParsedStatement } from "../db/parse.js";
import type { Connection } from "../db/pool.js";
import type { ScratchDatabase } from "../db/scratch.js";
import { loadStatement } from "../db/statement.js";
import { concurrentBuildOf, findInvalid, repairInvalidIndex } from "../migrate/concurrent-index.js";
import type { Script } from "../migrate/script.js";
import { findingAt, objectsOf, refusedAt, type Subject } from "./finding.js";
import { openTrial, type ProofGround, type Trial } from "./ground.js";
import type { ProofFinding } from "./model.js";
import { newSession, refusalOf, runStatements } from "./run.js";
import { type ProofState, readState, schemaChanges } from "./state.js";

/** The concurrent index builds of a script that give their index a name: only such a one can find an invalid one there. */
export function namedBuilds({ statements }: Script): readonly ParsedStatement[] {
  return statements.filter((statement) => concurrentBuildOf(statement)?.index !== undefined);
}

export interface InvalidStart {
  readonly ground: ProofGround;
  /** The state before the migration. */
  readonly previous: ScratchDatabase;
  readonly subject: Subject;
  readonly build: ParsedStatement;
  readonly after: ProofState;
}

/**
 * Lets a build fail for real, runs the migration over what it left as the runner does, and then as `psql -f` does.
 * Undefined when the build left no invalid index: where the index is there already, it builds nothing.
 */
export async function invalidIndexFindings(start: InvalidStart): Promise<readonly ProofFinding[] | undefined> {
  const { ground, previous, subject, build } = start;
  await using trial = await openTrial(ground.server, previous);
  if (!(await failBuild(trial, subject.script, build))) return undefined;
  await using other = await openTrial(ground.server, previous);
  await failBuild(other, subject.script, build);
  return [...(await overRunner(trial.connection, start)), ...(await overPsql(other.connection, start))];
}

const hint =
  "write the table with its schema, and settings as SET: where roomctl goes on, it runs nothing but SET, LOAD and LISTEN again";

/** The runner goes on where it was interrupted, with the settings of the statements that are done. */
async function overRunner(
  connection: Connection,
  { subject, build, after }: InvalidStart,
): Promise<readonly ProofFinding[]> {
  const { statements } = subject.script;
  const start = statements.indexOf(build);
  await runStatements(connection, statements.slice(0, start).filter(isSetting));
  for (const statement of statements.slice(start)) {
    await repairInvalidIndex(connection, statement);
    const stop = await runStatements(connection, [statement]);
    if (stop === undefined) continue;
    const what = "over the invalid index of a build that was cut off, it fails";
    return [refusedAt("invalid-index-fails", subject, { stop, what, hint })];
  }
  await newSession(connection);
  const changes = schemaChanges(after.schema, (await readState(connection)).schema);
  if (changes.length === 0) return [];
  const message = `over the invalid index of a build that was cut off, it does not come to the same: ${objectsOf(changes)}`;
  return [findingAt("invalid-index-stays", subject, { statement: build, changes, message, hint })];
}

const psqlHint = "roomctl migrate drops the invalid index first; before psql -f, do so by hand";

async function overPsql(connection: Connection, { subject, build }: InvalidStart): Promise<readonly ProofFinding[]> {
  const stop = await runStatements(connection, subject.script.statements);
  if (stop?.statement === build) {
    const what = "with psql -f over the invalid index of a build that was cut off, it stops";
    return [refusedAt("psql-rerun-stops-at-invalid-index", subject, { stop, what, hint: psqlHint })];
  }
  const concurrent = concurrentBuildOf(build);
  const invalid = concurrent && (await findInvalid(connection, concurrent));
  // Where it stops before the build, that is the matter of the interrupted prefixes.
  if (stop || !invalid) return [];
  const message = `with psql -f, IF NOT EXISTS takes the invalid index ${invalid.name} of a build that was cut off for the real one`;
  return [findingAt("psql-rerun-keeps-invalid-index", subject, { statement: build, message, hint: psqlHint })];
}

/**
 * Leaves what a build leaves that is cut off: the index is in the catalog before the build waits for the writers of the
 * table, and one writer here does not end in time. True when an invalid index is there.
 */
async function failBuild(
  { connection, database }: Trial,
  { statements }: Script,
  build: ParsedStatement,
): Promise<boolean> {
  const concurrent = concurrentBuildOf(build);
  if (concurrent === undefined) return false;
  await runStatements(connection, statements.slice(0, statements.indexOf(build)));
  const [table] = await connection.query<{ name: string }>(loadStatement("prove/relation"), [concurrent.table]);
  if (table === undefined) return false;
  await using writer = await database.connect();
  await writer.execute(`BEGIN; LOCK TABLE ${table.name} IN ROW EXCLUSIVE MODE`);
  await connection.execute("SET lock_timeout = '20ms'");
  await refusalOf(connection.query(build.text));
  await writer.execute("ROLLBACK");
  const isInvalid = (await findInvalid(connection, concurrent)) !== undefined;
  await newSession(connection);
  return isInvalid;
}

function isSetting({ node }: ParsedStatement): boolean {
  return node !== undefined && ("VariableSetStmt" in node || "LoadStmt" in node || "ListenStmt" in node);
}
