import type { Persistence, Priority, StateEntry, TableShape } from "../core/catalogue.js";
import { formatName, parseName, type QualifiedName } from "../db/identifier.js";
import type { Attempt } from "./attempt.js";
import type { AuditTable } from "./facts.js";
import type { Finding } from "./finding.js";
import type { RowFacts } from "./rows.js";
import { compareShape } from "./shape.js";

/** What became of one entry of the catalogue in this database. */
export interface StateReport {
  readonly name: string;
  readonly persistence: Persistence;
  readonly priority: Priority;
  readonly lossMeans: string;
  /** Null for state without a table. */
  readonly table: string | null;
  readonly column: string | null;
  /** The table is there, and the column where the state is one. */
  readonly isPresent: boolean;
  readonly shape: "as expected" | "differs" | "not checked" | "missing";
  /** Null where nothing was counted: no table, not readable, or no estimate. */
  readonly rows: number | null;
  readonly isEstimate: boolean;
  readonly newestWrite: Date | null;
  readonly newestWriteColumn: string | null;
  /** `yes` for write-behind state too: `because` names the loss window. */
  readonly survivesRestart: "yes" | "partly" | "no";
  readonly because: string;
  /** What the catalogue says should be done with this state. */
  readonly verdict: string;
  /** `ok`, or what stands between the state and its verdict. */
  readonly outcome: string;
}

/** What was found out about the table of a state. */
export interface StateSource {
  readonly table: AuditTable | undefined;
  readonly shape: TableShape | undefined;
  readonly rows: Attempt<RowFacts> | undefined;
  readonly isEstimate: boolean;
}

export function reportState(entry: StateEntry, source: StateSource): StateReport {
  const facts = source.rows && "value" in source.rows ? source.rows.value : undefined;
  const judged = judgeState(entry, source);
  return {
    name: entry.name,
    persistence: entry.persistence,
    priority: entry.priority,
    lossMeans: entry.lossMeans,
    table: entry.table === undefined ? null : formatName(parseName(entry.table)),
    column: entry.column ?? null,
    isPresent: source.table !== undefined && hasColumn(entry, source.table),
    shape: shapeOf(entry, source),
    rows: facts?.rows ?? null,
    isEstimate: source.isEstimate,
    newestWrite: facts?.newestWrite ?? null,
    newestWriteColumn: facts?.newestWriteColumn ?? null,
    verdict: entry.verdict,
    ...judged,
  };
}

type Judgement = Pick<StateReport, "survivesRestart" | "because" | "outcome">;

function judgeState(entry: StateEntry, source: StateSource): Judgement {
  if (entry.table === undefined) return judgeMemory(entry);
  if (!source.table) return { survivesRestart: "no", because: "its table is missing", outcome: "table missing" };
  if (!hasColumn(entry, source.table)) {
    return { survivesRestart: "no", because: `its column ${entry.column} is missing`, outcome: "column missing" };
  }
  if (source.table.isUnlogged) {
    return { survivesRestart: "no", because: "its table is unlogged: a crash empties it", outcome: "unlogged" };
  }
  return judgeKept(entry, source.table, source);
}

function judgeMemory({ persistence, ephemeralBecause }: StateEntry): Judgement {
  if (persistence !== "ephemeral") {
    return { survivesRestart: "no", because: "the catalogue names no table for it", outcome: "memory only" };
  }
  return ephemeralBecause
    ? { survivesRestart: "no", because: `on purpose: ${ephemeralBecause}`, outcome: "ok" }
    : { survivesRestart: "no", because: "it is only in memory, and nobody says why", outcome: "memory only" };
}

function judgeKept(entry: StateEntry, table: AuditTable, { shape, rows }: StateSource): Judgement {
  const difference = shape && !entry.column ? compareShape(table, shape) : undefined;
  const unread = rows && "unread" in rows ? rows.unread.reason : undefined;
  if (difference && difference.missing.length > 0) {
    const names = difference.missing.map(({ column }) => column).join(", ");
    return { survivesRestart: "partly", because: `there is no column for ${names}`, outcome: "shape differs" };
  }
  const outcome = unread ? `not read: ${unread}` : difference?.retyped.length ? "shape differs" : "ok";
  const because =
    entry.persistence === "write-behind"
      ? "up to the loss window: changes not yet flushed are lost"
      : "committed before it is acknowledged";
  return { survivesRestart: "yes", because, outcome };
}

function shapeOf(entry: StateEntry, { table, shape }: StateSource): StateReport["shape"] {
  if (entry.table === undefined) return "not checked";
  if (!table || !hasColumn(entry, table)) return "missing";
  if (!shape) return "not checked";
  const { missing, retyped } = compareShape(table, shape);
  const concerns = [...missing, ...retyped].filter(({ column }) => !entry.column || column === entry.column);
  return concerns.length > 0 ? "differs" : "as expected";
}

function hasColumn({ column }: StateEntry, table: AuditTable): boolean {
  return column === undefined || table.columns.some(({ name }) => name === column);
}

/** State that should be in the database by its own entry, but is not meant to be anywhere. */
export function memoryFindings(entry: StateEntry): readonly Finding[] {
  const isOnPurpose = entry.persistence === "ephemeral" && entry.ephemeralBecause;
  if (entry.table !== undefined || isOnPurpose) return [];
  return [
    {
      id: "memory-only-state",
      severity: severityByPriority[entry.priority],
      subject: entry.name,
      title: `${entry.name} is kept in memory only and should be persisted`,
      why: `a restart means: ${entry.lossMeans}`,
      hint: "give its catalogue entry a table and a migration, or say in ephemeralBecause why memory is enough",
    },
  ];
}

const severityByPriority = {
  critical: "error",
  high: "error",
  medium: "warning",
  low: "info",
  none: "info",
} as const;

/** A table that the app needs is not there. */
export function missingTableFinding(table: QualifiedName, states: readonly StateEntry[]): Finding {
  const name = formatName(table);
  const losses = states.map(({ name: state, lossMeans }) => `${state}: ${lossMeans}`);
  return {
    id: "table-missing",
    severity: "error",
    subject: name,
    title: `table ${name} is missing`,
    why: losses.length > 0 ? `nothing keeps this state over a restart (${losses.join("; ")})` : "the app relies on it",
    hint: "roomctl migrate",
  };
}

/** A column that is a state of its own is not there, and no shape says so already. */
export function missingColumnFindings(
  entry: StateEntry,
  table: AuditTable,
  shape: TableShape | undefined,
): readonly Finding[] {
  if (entry.column === undefined || hasColumn(entry, table) || (shape && Object.hasOwn(shape, entry.column))) return [];
  return [
    {
      id: "column-missing",
      severity: "error",
      subject: `${formatName(table)}.${entry.column}`,
      title: `${formatName(table)} has no column ${entry.column}`,
      why: `nothing keeps ${entry.name} over a restart: ${entry.lossMeans}`,
      hint: "roomctl migrate",
    },
  ];
}
