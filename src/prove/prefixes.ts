import type { Connection } from "../db/pool.js";
import type { Script } from "../migrate/script.js";
import { findingAt, objectsOf, refusedAt, type Subject } from "./finding.js";
import type { PrefixMode, ProofChange, ProofFinding } from "./model.js";
import { newSessionAfter, runStatements, runWhole, type Stop } from "./run.js";
import { type ProofState, readState, schemaChanges } from "./state.js";

/** How many prefixes of a file in one transaction are tried in `auto`. */
const autoLimit = 24;

/** The prefixes to try, by how many of their statements had run. */
export function prefixesOf({ statements, isTransactional }: Script, mode: PrefixMode): readonly number[] {
  const all = Array.from({ length: Math.max(0, statements.length - 1) }, (_, index) => index + 1);
  if (mode === "none") return [];
  const limit = mode === "auto" && isTransactional ? autoLimit : all.length;
  return all.filter((_, index) => isAmong(index, all.length, limit));
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
  await newSessionAfter(connection, script);
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
