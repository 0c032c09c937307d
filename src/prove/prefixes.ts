import type { Connection } from "../db/pool.js";
import { readSchemaSnapshot, type SchemaSnapshot } from "../db/snapshot.js";
import type { Script } from "../migrate/script.js";
import { findingAt, objectsOf, refusedAt, type Subject } from "./finding.js";
import { newSession, newSessionInside, runStatements, runWhole, type Stop } from "./ground.js";
import type { PrefixMode, ProofChange, ProofFinding } from "./model.js";
import { isSameSchema } from "./rerun.js";
import { type ProofState, readState, schemaChanges } from "./state.js";
import { mayMoveSequences, ownSequences, readWrites } from "./writes.js";

/** What a quick look at the interrupted prefixes of a script showed. */
export interface PrefixLook {
  /** How many statements had run, for each prefix that was tried. */
  readonly tried: readonly number[];
  /** Those of them that have to be tried for real. */
  readonly suspects: readonly number[];
}

/** How many prefixes of a file in one transaction are tried in `auto`, and of those that write to the catalog, compared. */
const autoLimits = { tried: 24, compared: 3 };

/** The prefixes to try, by how many of their statements had run. */
export function prefixesOf({ statements, isTransactional }: Script, mode: PrefixMode): readonly number[] {
  const all = Array.from({ length: Math.max(0, statements.length - 1) }, (_, index) => index + 1);
  if (mode === "none") return [];
  const limit = mode === "auto" && isTransactional ? autoLimits.tried : all.length;
  return all.filter((_, index) => isAmong(index, all.length, limit));
}

/**
 * Looks at prefixes of a script in one transaction that is rolled back. Where a prefix runs once more without writing
 * anything, what follows finds what it would have found without the interruption, and nothing needs to be compared.
 */
export async function lookAtPrefixes(
  connection: Connection,
  { statements }: Script,
  { tried, mode }: { readonly tried: readonly number[]; readonly mode: PrefixMode },
): Promise<PrefixLook> {
  if (tried.length === 0) return { tried, suspects: [] };
  const suspects: number[] = [];
  const look: Look = {
    connection,
    statements,
    end: undefined,
    compared: 0,
    limit: mode === "all" ? tried.length : autoLimits.compared,
  };
  await connection.execute("BEGIN");
  try {
    if (mayMoveSequences(statements)) await ownSequences(connection);
    for (const [index, statement] of statements.slice(0, -1).entries()) {
      // A file that does not apply at all is found when it is applied.
      if (await runStatements(connection, [statement])) return { tried: [], suspects: [] };
      if (tried.includes(index + 1) && !(await converges(look, index + 1))) suspects.push(index + 1);
    }
    return { tried, suspects };
  } finally {
    await connection.execute("ROLLBACK");
    await newSession(connection);
  }
}

interface Look {
  readonly connection: Connection;
  readonly statements: Script["statements"];
  readonly limit: number;
  compared: number;
  /** Where the script leads without an interruption. */
  end: SchemaSnapshot | undefined;
}

async function converges(look: Look, count: number): Promise<boolean> {
  const { connection, statements } = look;
  return undone(connection, async () => {
    await newSessionInside(connection);
    const before = await readWrites(connection);
    if (await runStatements(connection, statements.slice(0, count))) return false;
    const writes = await readWrites(connection);
    if (writes.rows !== before.rows) return false;
    if (writes.catalog === before.catalog) return true;
    if (await runStatements(connection, statements.slice(count))) return false;
    if (look.compared >= look.limit) return true;
    look.compared += 1;
    const found = await readSchemaSnapshot(connection);
    look.end ??= await uninterrupted(look, count);
    return isSameSchema(look.end, found);
  });
}

async function uninterrupted({ connection, statements }: Look, count: number): Promise<SchemaSnapshot> {
  await connection.execute("ROLLBACK TO SAVEPOINT roomctl_prefix");
  await runStatements(connection, statements.slice(count));
  return readSchemaSnapshot(connection);
}

async function undone<Result>(connection: Connection, work: () => Promise<Result>): Promise<Result> {
  await connection.execute("SAVEPOINT roomctl_prefix");
  try {
    return await work();
  } finally {
    await connection.execute("ROLLBACK TO SAVEPOINT roomctl_prefix; RELEASE SAVEPOINT roomctl_prefix");
  }
}

/** What one prefix led to, on a copy of the state before. */
export interface PrefixRun {
  readonly count: number;
  readonly stop: Stop | undefined;
  readonly changes: readonly ProofChange[];
}

/** Runs a prefix as `psql` does, each statement by itself, then the whole script, for good. */
export async function runPrefix(
  connection: Connection,
  script: Script,
  { count, after }: { readonly count: number; readonly after: ProofState },
): Promise<PrefixRun> {
  await runStatements(connection, script.statements.slice(0, count));
  await newSession(connection);
  const stop = await runWhole(connection, script);
  if (stop) return { count, stop, changes: [] };
  const found = await readState(connection);
  return { count, stop, changes: [...schemaChanges(after.schema, found.schema), ...countChanges(after, found)] };
}

/** One finding for all prefixes that fail at the same statement or lead to the same place. */
export function prefixFindings(subject: Subject, runs: readonly PrefixRun[]): readonly ProofFinding[] {
  const seen = new Map<string, PrefixRun[]>();
  for (const run of runs) {
    if (run.stop === undefined && run.changes.length === 0) continue;
    const key = run.stop ? `at ${run.stop.statement.offset}` : JSON.stringify(run.changes);
    seen.set(key, [...(seen.get(key) ?? []), run]);
  }
  return [...seen.values()].map((same) => prefixFinding(subject, same));
}

function prefixFinding(subject: Subject, same: readonly PrefixRun[]): ProofFinding {
  const { isTransactional, statements } = subject.script;
  const severity = isTransactional ? "info" : "error";
  const counts = same.map(({ count }) => count);
  const [first] = same;
  const when = `interrupted after ${counts.length > 1 ? "statements" : "statement"} ${counts.join(", ")} of ${statements.length} and run again`;
  if (first?.stop) {
    const hint = isTransactional
      ? "roomctl rolls such a file back; for psql -f, guard the statement with IF NOT EXISTS or the like"
      : "guard the statement with IF NOT EXISTS or the like: outside of a transaction, what was done stays";
    return refusedAt("prefix-fails", subject, { stop: first.stop, what: `${when}, it fails`, hint, severity });
  }
  const changes = first?.changes ?? [];
  return findingAt("prefix-diverges", subject, {
    severity,
    statement: statements[(counts[0] ?? 1) - 1],
    changes,
    message: `${when}, it does not come to the same: ${objectsOf(changes)}`,
    hint: "let each statement look for what it needs, not for what the one before it left",
  });
}

function countChanges(after: ProofState, found: ProofState): readonly ProofChange[] {
  return [...found.tables].flatMap(([table, { count }]) => {
    const expected = after.tables.get(table)?.count;
    if (expected === undefined || expected === count) return [];
    return [{ object: `rows of ${table}`, expected: `${expected} rows`, found: `${count} rows` }];
  });
}

/** Spreads `limit` picks over `length` places, the first and the last among them. */
function isAmong(index: number, length: number, limit: number): boolean {
  if (length <= limit) return true;
  const step = (length - 1) / (limit - 1);
  return Math.round(Math.round(index / step) * step) === index;
}
