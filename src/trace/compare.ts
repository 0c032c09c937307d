import { formatName } from "../db/identifier.js";
import type { ParsedStatement } from "../db/parse.js";
import { blocksOf, type IndexTrace, type LockMode, lockModes, type RewriteTrace, type ScanTrace } from "./model.js";
import {
  describeRelation,
  type RelationState,
  type Relations,
  type StateChange,
  type TransactionState,
} from "./state.js";

/** What a statement is judged by: the states around it, and what was there before its migration and before the first one. */
export interface Comparison {
  readonly statement: ParsedStatement;
  readonly before: TransactionState;
  readonly after: StateChange;
  readonly base: Relations;
  readonly first: Relations;
}

/** A lock on a relation that was there before the migration. */
export interface FoundLock {
  readonly oid: number;
  readonly mode: LockMode;
}

/** Locks that the statement took or made stronger, the strongest first. AccessShare, which every SELECT takes, is no finding. */
export function newLocks({ before, after, base }: Comparison): readonly FoundLock[] {
  const grown = [...after.strengths].filter(([oid, strength]) => strength > (before.strengths.get(oid) ?? 0));
  return strongLocks(new Map(grown), base);
}

/** Every lock of the transaction, whichever statement took it. */
export function allLocks({ after, base }: Comparison): readonly FoundLock[] {
  return strongLocks(after.strengths, base);
}

/** Locks of earlier statements that the transaction still held. */
export function oldLocks({ before, after, base }: Comparison): readonly FoundLock[] {
  return strongLocks(new Map([...before.strengths].filter(([oid]) => after.strengths.has(oid))), base);
}

function strongLocks(strengths: ReadonlyMap<number, number>, base: Relations): readonly FoundLock[] {
  return [...strengths]
    .filter(([oid, strength]) => base.has(oid) && strength > 1)
    .sort(([, a], [, b]) => b - a)
    .map(([oid, strength]) => ({ oid, mode: lockModes[strength - 1] ?? "AccessExclusiveLock" }));
}

/** A lock as it is reported, without what is known only at the end of the transaction. */
export function describeLock({ oid, mode }: FoundLock, base: Relations, first: Relations) {
  return { ...describeRelation({ oid }, base, first), mode, blocks: blocksOf(mode), target: null };
}

/** Tables that got another storage file. TRUNCATE gives one too, but there is nothing to write into it. */
export function findRewrites(comparison: Comparison): readonly RewriteTrace[] {
  const { statement, before, after, base, first } = comparison;
  if (isTruncate(statement)) return [];
  const noted = notedReasons(before.rewrites, after.rewrites);
  return [...changedFiles(comparison)]
    .filter(({ oid, kind }) => base.has(oid) && (kind === "r" || kind === "m"))
    .map(({ oid }) => ({
      ...describeRelation({ oid }, base, first),
      reason: noted.get(oid) ?? reasonByStatement(statement),
      estimateMs: null,
    }));
}

/** Tables that were read from end to end, by ALTER TABLE, an index build or a query. */
export function findScans({ statement, before, after, base, first }: Comparison): readonly ScanTrace[] {
  if (isTruncate(statement)) return [];
  return after.changed
    .filter(({ oid, kind }) => base.has(oid) && ["r", "m", "p"].includes(kind))
    .flatMap(({ oid, scans, rowsRead }) => {
      const earlier = before.relations.get(oid);
      if (earlier === undefined || scans <= earlier.scans) return [];
      const read = { times: scans - earlier.scans, rows: rowsRead - earlier.rowsRead };
      return [{ ...describeRelation({ oid }, base, first), ...read, estimateMs: null }];
    });
}

/** Indexes of tables that were there: new ones, and those built again. One that kept its file was only renumbered. */
export function findIndexBuilds(comparison: Comparison): readonly IndexTrace[] {
  const { statement, before, after, base, first } = comparison;
  if (isTruncate(statement)) return [];
  const moved = after.changed.filter(
    ({ oid, kind, fileNode, tableOid }) =>
      kind === "i" && tableOid !== null && base.has(tableOid) && before.relations.get(oid)?.fileNode !== fileNode,
  );
  if (moved.length === 0) return [];
  const earlier = [...before.relations.values()];
  const files = new Set(earlier.map(({ fileNode }) => fileNode));
  const names = new Set(earlier.map(formatName));
  return moved
    .filter(({ fileNode }) => !files.has(fileNode))
    .map((index) => {
      const table = index.tableOid === null ? undefined : base.get(index.tableOid);
      const original = first.get(index.oid);
      const name = formatName(index);
      return {
        name,
        kind: "index" as const,
        table: table ? formatName(table) : null,
        nameBefore: original ? formatName(original) : null,
        isNew: !names.has(name),
      };
    });
}

function changedFiles({ before, after }: Comparison): readonly RelationState[] {
  return after.changed.filter(({ oid, fileNode }) => {
    const earlier = before.relations.get(oid)?.fileNode ?? null;
    return earlier !== null && fileNode !== null && fileNode !== earlier;
  });
}

function isTruncate({ node }: ParsedStatement): boolean {
  return node !== undefined && "TruncateStmt" in node;
}

/** The bits of pg_event_trigger_table_rewrite_reason(). */
const reasons: readonly (readonly [number, string])[] = [
  [1, "the table becomes logged, unlogged or temporary"],
  [2, "a default that each row needs computed"],
  [4, "a column gets another type"],
  [8, "another table access method"],
];

function notedReasons(before: string, after: string): ReadonlyMap<number, string> {
  // RESET ALL empties the note, which then begins anew.
  const added = after.startsWith(before) ? after.slice(before.length) : after;
  const notes = [...added.matchAll(/(\d+):(\d+)/g)];
  return new Map(
    notes.map(([, oid, bits]) => {
      const words = reasons.filter(([bit]) => (Number(bits) & bit) !== 0).map(([, word]) => word);
      return [Number(oid), words.join(", and ")];
    }),
  );
}

/** What writes a table anew without ALTER TABLE's event. */
function reasonByStatement({ node }: ParsedStatement): string | null {
  if (node === undefined) return null;
  if ("ClusterStmt" in node) return "CLUSTER sorts it";
  if ("VacuumStmt" in node) return "VACUUM FULL packs it";
  if ("RefreshMatViewStmt" in node) return "its query is run again";
  if ("AlterTableStmt" in node && /"AT_SetTableSpace"/.test(JSON.stringify(node))) return "another tablespace";
  return null;
}
