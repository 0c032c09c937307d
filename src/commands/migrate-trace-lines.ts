import { formatDuration } from "../core/duration.js";
import type { Style } from "../report/style.js";
import { formatBytes, formatCount, plural, printable } from "../report/text.js";
import {
  blocksOf,
  type HeldLock,
  type LockTrace,
  type MigrationTrace,
  type RewriteTrace,
  type ScanTrace,
  type StatementTrace,
  type TableSize,
} from "../trace/model.js";
import type { TraceResult } from "./migrate-trace-options.js";

/** A trace for people: migration, statement, and below it what it did. */
export function traceLines(result: TraceResult, style: Style): readonly string[] {
  const { migrations, server, where, failures, isSized } = result;
  if (migrations.length === 0) return ["nothing to trace: no migration is pending"];
  const place = where === "target" ? "on the database itself, rolled back" : "on a scratch server";
  return [
    `${plural(migrations.length, "migration")} traced ${place} (${server})`,
    ...rowLines(result, style),
    ...migrations.flatMap((migration) => ["", ...migrationLines(migration, style)]),
    ...(isSized && migrations.some(hasEstimate)
      ? ["", style.faint("about: an estimate from the target's sizes, at 100 MB a second")]
      : []),
    ...failures.map(
      ({ migration, line, relation, what }) =>
        `${style.bad("fails:")} ${printable(migration)} line ${line}: ${printable(relation)} ${what}`,
    ),
  ];
}

function hasEstimate({ statements }: MigrationTrace): boolean {
  return statements.some(({ rewrites, scans }) =>
    [...rewrites, ...scans].some(({ estimateMs }) => estimateMs !== null),
  );
}

function rowLines({ where, rowsWanted, tables, hasReasons }: TraceResult, style: Style): readonly string[] {
  if (where === "target") return [];
  const reasons = hasReasons
    ? []
    : [
        style.warning(
          "why a table is written anew is not known: the role of --scratch-url may not make event triggers",
        ),
      ];
  return [...reasons, ...madeUpLines({ rowsWanted, tables }, style)];
}

function madeUpLines(
  { rowsWanted, tables }: Pick<TraceResult, "rowsWanted" | "tables">,
  style: Style,
): readonly string[] {
  if (rowsWanted === 0)
    return [style.faint("its tables are empty: what reads all rows of one is seen, how long it takes is not")];
  const madeUp = tables.filter(({ isMadeUp }) => isMadeUp);
  return [
    style.faint(`rows were made up in ${plural(madeUp.length, "table")}, up to ${formatCount(rowsWanted)} in each`),
    ...tables
      .filter(({ reason }) => reason !== null)
      .map(({ table, reason }) => style.warning(`no rows in ${printable(table)}: ${printable(reason ?? "")}`)),
  ];
}

function migrationLines(migration: MigrationTrace, style: Style): readonly string[] {
  const { name, isTransactional, statements, durationMs, held, emptied } = migration;
  const how = isTransactional ? "one transaction" : "each statement by itself";
  const note = `(${how}, ${plural(statements.length, "statement")}, ${formatDuration(durationMs)} here)`;
  const strong = held.filter(isWorthTelling);
  return [
    `${style.strong(printable(name))} ${style.faint(note)}`,
    ...(emptied === null ? [] : [`  ${style.warning(`on empty tables, ${printable(emptied)}`)}`]),
    ...statements.flatMap((statement) => statementLines(statement, style).map((line) => `  ${line}`)),
    ...(strong.length > 0 && statements.length > 1 ? [`  held until COMMIT: ${heldList(strong)}`] : []),
  ];
}

function statementLines(statement: StatementTrace, style: Style): readonly string[] {
  const { line, text, durationMs, locks, stillHeld, rewrites, scans, indexBuilds, samples, notRun } = statement;
  const head = `line ${line}: ${summarize(text)} ${style.faint(`(${formatShort(durationMs)})`)}`;
  if (notRun !== null) return [head, `  ${style.warning(`not run here: ${notRun}`)}`];
  const others = stillHeld.filter((lock) => isWorthTelling(lock) && !locks.some(({ name }) => name === lock.name));
  const seen = samples === null ? [] : [sampleLine(samples, locks.length, style)];
  const findings = [
    ...lockLines(locks, stillHeld, style),
    ...rewrites.map((rewrite) => rewriteLine(rewrite, style)),
    ...indexBuilds.map(
      ({ name, table, isNew }) =>
        `${isNew ? "builds" : "builds again"} the index ${printable(name)} on ${printable(table ?? "")}`,
    ),
    ...scans.filter(({ name }) => !rewrites.some((rewrite) => rewrite.name === name)).map(scanLine),
    ...(others.length > 0 ? [style.faint(`while holding ${heldList(others)}`)] : []),
  ];
  return [
    head,
    ...[
      ...(findings.length === 0 && samples === null ? [style.faint("locks nothing that was there")] : findings),
      ...seen,
    ].map((one) => `  ${one}`),
  ];
}

/** What was not seen may have been too short, which is no proof that there was none. */
function sampleLine(samples: number, lockCount: number, style: Style): string {
  const looks = `from another session, in ${plural(samples, "look")}`;
  if (lockCount > 0) return style.faint(`seen ${looks}`);
  return style.warning(`no lock was seen ${looks}: where it ended too soon, try --rows 100000`);
}

/** An index is locked with its table, mostly: such a lock is told in the table's line. */
function lockLines(locks: readonly LockTrace[], stillHeld: readonly HeldLock[], style: Style): readonly string[] {
  const isToldWithTable = (lock: LockTrace) =>
    lock.kind === "index" &&
    [...locks, ...stillHeld].some(({ name, mode }) => name === lock.table && mode === lock.mode);
  return locks
    .filter((lock) => !isToldWithTable(lock))
    .map((lock) => {
      const indexes = locks.filter((one) => isToldWithTable(one) && one.table === lock.name && one.mode === lock.mode);
      const also = indexes.length > 0 ? ` and ${plural(indexes.length, "index", "indexes")} of it` : "";
      const kind = lock.kind === "table" ? "" : `${lock.kind} `;
      const words = `${lock.mode} on ${kind}${printable(lock.name)}${also}${sizeWords(lock.target)}: ${blockWords(lock, style)}`;
      return `${words}${heldForWords(lock)}`;
    });
}

function blockWords({ blocks }: LockTrace, style: Style): string {
  if (blocks === "nobody") return "blocks neither readers nor writers";
  return style.warning(blocks === "writers" ? "blocks writers" : "blocks readers and writers");
}

function heldForWords({ heldForStatements, heldMs, blocks }: LockTrace): string {
  if (blocks === "nobody" || heldForStatements === 0 || heldMs === null) return "";
  return `, held for ${plural(heldForStatements, "further statement")} (${formatShort(heldMs)} here)`;
}

function sizeWords(size: TableSize | null): string {
  if (size === null) return "";
  const rows = size.rows === null ? "never counted" : `${formatCount(size.rows)} rows`;
  return ` (${rows}, ${formatBytes(size.tableBytes + size.indexBytes)})`;
}

function rewriteLine({ name, reason, estimateMs }: RewriteTrace, style: Style): string {
  return `${style.warning(`writes ${printable(name)} anew`)}${reason === null ? "" : `: ${reason}`}${aboutWords(estimateMs)}`;
}

function scanLine({ name, times, rows, estimateMs }: ScanTrace): string {
  const often = times > 1 ? ` ${times} times` : "";
  const here = rows === 0 ? "which is empty here" : `${plural(rows, "row")} here`;
  return `reads all of ${printable(name)}${often}, ${here}${aboutWords(estimateMs)}`;
}

function aboutWords(estimateMs: number | null): string {
  return estimateMs === null ? "" : `, about ${formatDuration(estimateMs)} on the target`;
}

const mostHeld = 20;

/** A long transaction holds thousands of locks: --json has them all. */
function heldList(locks: readonly HeldLock[]): string {
  const more = locks.length - mostHeld;
  return [...locks.slice(0, mostHeld).map(heldWords), ...(more > 0 ? [`${formatCount(more)} more`] : [])].join(", ");
}

function heldWords({ name, mode, sinceLine }: HeldLock): string {
  return `${mode} on ${printable(name)} since ${sinceLine === null ? "an earlier migration" : `line ${sinceLine}`}`;
}

/** Locks that make somebody wait; those of indexes go with their tables'. */
function isWorthTelling({ kind, mode }: HeldLock): boolean {
  return kind !== "index" && blocksOf(mode) !== "nobody";
}

/** The first words of a statement on one line. */
function summarize(text: string): string {
  const flat = text.replace(/\s+/g, " ");
  return printable(flat.length > 90 ? `${flat.slice(0, 89)}…` : flat);
}

function formatShort(milliseconds: number): string {
  return milliseconds < 10 ? `${milliseconds.toFixed(1)}ms` : formatDuration(milliseconds);
}
